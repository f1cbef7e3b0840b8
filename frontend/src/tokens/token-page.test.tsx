import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { failure, network } from "../testing/network";
import { open } from "../testing/render";
import { ago } from "../testing/sample";
import { deploymentToken, list, one, rowUse, signedIn, token, tokenEvent, use } from "../testing/samples";

const address = "/account/api-tokens/token-1";
const day = 86_400_000;
const counts = (length: number, last: number) => [...Array<number>(length - 1).fill(0), last];

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /api_token/:id", one(token({ use: rowUse() })));
  network.on("GET /api_token/:id/events", list([tokenEvent()]));
});

const section = async (name: string) => within(await screen.findByRole("region", { name }));

describe("the page of a token", () => {
  test("shows its facts, with an id to copy", async () => {
    network.on("GET /api_token/:id", one(deploymentToken({ id: "token-1", name: "Reader", use: rowUse() })));
    open(address);
    expect(await screen.findByRole("heading", { name: "Reader" })).toBeInTheDocument();
    expect(screen.getByRole("button", { name: "Copy token ID" })).toBeInTheDocument();
    const facts = screen.getByText("Token ID").closest("dl");
    for (const text of [
      "token-1",
      "Active",
      "…b8Kc",
      "by Ada Lovelace",
      "in 90 days",
      "RotatedNever",
      "SecretsOne",
    ])
      expect(facts).toHaveTextContent(text);
    expect(within(facts as HTMLElement).getByRole("link", { name: "Invoice reader" })).toHaveAttribute(
      "href",
      "/agents/agent-1/deployments",
    );
  });

  test("has no secret and no end to come once it is revoked", async () => {
    network.on("GET /api_token/:id", one(token({ status: "revoked", revoked_at: token().inserted_at })));
    open(address);
    await screen.findByRole("heading", { name: "CI" });
    const facts = screen.getByText("Token ID").closest("dl");
    expect(facts).toHaveTextContent("SecretsNone");
    expect(facts).not.toHaveTextContent(/in \d+ days/);
  });

  test("shows the uses of 48 hours or 90 days as a chart and as a table, and what is exact", async () => {
    network.on(
      "GET /api_token/:id/use",
      one(
        use({
          hours: { first: "2026-11-25T12:00:00Z", accepted: counts(48, 12), refused: counts(48, 3) },
          days: { first: "2026-08-30T00:00:00Z", accepted: counts(90, 1204), refused: counts(90, 0) },
        }),
      ),
    );
    const { user } = open(address);
    const uses = await section("Use");
    expect(await uses.findByText("12 accepted and 3 refused in 48 hours.")).toBeInTheDocument();
    const rows = () => uses.getAllByRole("row").map((row) => row.textContent);
    expect(rows()).toEqual(["HourAcceptedRefused", expect.stringMatching(/123$/)]);
    await user.click(uses.getByRole("radio", { name: "90 days" }));
    expect(uses.getByText("1,204 accepted in 90 days.")).toBeInTheDocument();
    expect(rows()).toEqual(["Day (UTC)AcceptedRefused", "27 Nov 20261,2040"]);
    expect(
      uses.getByText(/since 31 Jan 2026 is counted exactly\. Addresses are sampled/),
    ).toBeInTheDocument();
  });

  test("shows the addresses, the refused uses, and who changed what", async () => {
    network.on(
      "GET /api_token/:id/use",
      one(
        use({
          last_refused_at: ago(5 * 60_000),
          last_day: { since: ago(day), accepted: 0, refused: 7 },
          addresses: [
            { address: "192.0.2.7", last_accepted_at: ago(2 * day), last_refused_at: ago(5 * 60_000) },
            { address: "2001:db8::7", last_accepted_at: ago(2 * day), last_refused_at: null },
          ],
        }),
      ),
    );
    network.on(
      "GET /api_token/:id/events",
      list([
        tokenEvent({
          id: "e3",
          action: "api_token.revoked",
          actor_admin_user_id: null,
          actor_name: null,
          actor_address: null,
        }),
        tokenEvent({
          id: "e2",
          action: "api_token.rotated",
          actor_admin_user_id: null,
          actor_api_token_id: "token-1",
        }),
        tokenEvent(),
      ]),
    );
    open(address);
    const addresses = await section("Addresses");
    expect(addresses.getAllByRole("row")[1]).toHaveTextContent(
      /^192\.0\.2\.72 days ago.*UTC5 minutes ago.*UTC$/,
    );
    const refused = await section("Refused uses");
    expect(refused.getByText(/^7 since/)).toBeInTheDocument();
    expect(refused.getByText("192.0.2.7")).toBeInTheDocument();
    const history = await section("History");
    expect(history.getAllByRole("row").map((row) => row.textContent)).toEqual([
      "ChangeWhen",
      expect.stringContaining("Revokedon the server"),
      expect.stringContaining("Rotatedby its holder from 192.0.2.7"),
      expect.stringContaining("Createdby Ada Lovelace from 192.0.2.7"),
    ]);
  });

  test("says if it waits for its first use", async () => {
    network.on("GET /api_token/:id", one(token({ last_used_at: null, inserted_at: ago(0), use: rowUse() })));
    open(address);
    expect(await screen.findByText("Waiting for first use")).toBeInTheDocument();
    expect(await screen.findByText("Not used in 48 hours.")).toBeInTheDocument();
    expect(await screen.findByText("No client has used this token yet.")).toBeInTheDocument();
  });

  test("offers to end the old of two secrets, and says if it has been unused for a day", async () => {
    const two = (last: string | null) =>
      token({
        old_secret: { hint: "oLd1", ends_at: ago(-day) },
        rotated_at: ago(2 * day),
        use: rowUse({
          secrets: {
            old: { accepted: last ? 1 : 0, last_used_at: last },
            new: { accepted: 0, last_used_at: null },
          },
        }),
      });
    network.on("GET /api_token/:id", one(two(null)));
    const { user, client } = open(address);
    const note = await section("Two secrets");
    expect(note.getByText(/The old secret has been unused for 24 hours/)).toBeInTheDocument();
    await user.click(note.getByRole("button", { name: "End the old secret now" }));
    const question = await screen.findByRole("alertdialog", { name: "End the old secret now?" });
    await user.click(within(question).getByRole("button", { name: "Cancel" }));
    network.on("GET /api_token/:id", one(two(ago(60_000))));
    await client.refetchQueries({ queryKey: ["tokens"] });
    await waitFor(() => expect(note.queryByText(/unused for 24 hours/)).not.toBeInTheDocument());
  });

  test("keeps the focus when a button becomes the one for the way back", async () => {
    const now = token({ use: rowUse(), last_used_at: null });
    const suspended = token({
      ...now,
      status: "suspended",
      available_actions: { ...now.available_actions, suspend: false, activate: true },
    });
    network.on("GET /api_token/:id", one(now));
    network.on("POST /api_token/:id/suspend", () => {
      network.on("GET /api_token/:id", one(suspended));
      return one(suspended);
    });
    const { user } = open(address);
    (await screen.findByRole("button", { name: "Suspend" })).focus();
    await user.keyboard("{Enter}");
    expect(await screen.findByRole("button", { name: "Activate" })).toHaveFocus();
  });

  test("is left for the list once the token is deleted", async () => {
    network.on("GET /api_token/:id", one(token({ status: "revoked", last_used_at: null, use: rowUse() })));
    network.on("DELETE /api_token/:id", one(token({ status: "revoked" })));
    network.on("GET /api_token", list([]));
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: /^Actions for/ }));
    await user.click(await screen.findByRole("menuitem", { name: "Delete" }));
    const yes = await screen.findByRole("button", { name: "Delete token" });
    await waitFor(() => expect(yes).toBeEnabled());
    await user.click(yes);
    await waitFor(() => expect(window.location.pathname).toBe("/account/api-tokens"));
    expect(await screen.findByText("“CI” (…x7Qa) deleted.")).toBeInTheDocument();
  });

  test("says that there is no such token, also once it is deleted elsewhere", async () => {
    const { client } = open(address);
    expect(await screen.findByRole("heading", { name: "CI" })).toBeInTheDocument();
    const gone = failure(404, "not_found", "There is no such API token.");
    for (const route of ["", "/use", "/events"]) network.on(`GET /api_token/:id${route}`, gone);
    await client.refetchQueries({ queryKey: ["tokens"] });
    expect(await screen.findByRole("heading", { name: "No such token" })).toBeInTheDocument();
  });

  test("shows why it failed to load, and loads on another try", async () => {
    network.on("GET /api_token/:id", failure(503, "unexpected", "The store is unavailable."));
    const { user } = open(address);
    expect(await screen.findByRole("alert")).toHaveTextContent("The store is unavailable.");
    network.on("GET /api_token/:id", one(token({ use: rowUse() })));
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("heading", { name: "CI" })).toBeInTheDocument();
  });
});
