import { screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bodiesOf, failure, network } from "../testing/network";
import { open } from "../testing/render";
import { list, move, moves, one, signedIn, token } from "../testing/samples";
import type { TokenMove } from "../wire";

const address = "/account/api-tokens";
const looks = () => bodiesOf("GET /api_token/moves").length;
const shown = () => screen.findByRole("progressbar", { name: /tokens/ });

/** Lets the page poll for this time. */
const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1_000);

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  network.on("GET /session", signedIn());
  network.on("GET /api_token", list([token({ name: "Reader" })]));
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a change of very many tokens", () => {
  test("costs one request while there is none", async () => {
    open(address);
    await screen.findByText("Reader");
    await pass(30);
    expect(bodiesOf("GET /api_token").length).toBeGreaterThan(2);
    expect(looks()).toBe(1);
    expect(screen.queryByRole("progressbar")).not.toBeInTheDocument();
  });

  test("is shown until its records are written, and its end is announced", async () => {
    network.on("GET /api_token/moves", moves(move()));
    open(address);
    expect(await shown()).toHaveAttribute("aria-valuenow", "40");
    expect(screen.getByText(/Revoking 812,400 tokens of the environment “Staging”\./)).toHaveTextContent(
      "They are already refused. Their records are being updated.",
    );
    network.on("GET /api_token/moves", moves(move({ written_count: 812_399 })));
    await pass(4);
    await waitFor(async () => expect(await shown()).toHaveAttribute("aria-valuenow", "99"));
    network.on("GET /api_token/moves", moves());
    await pass(4);
    await waitFor(() => expect(screen.queryByRole("progressbar")).not.toBeInTheDocument());
    expect(
      await screen.findByText(
        "812,400 tokens of the environment “Staging” revoked. All their records are updated.",
      ),
    ).toBeInTheDocument();
    const before = looks();
    await pass(30);
    expect(looks()).toBe(before);
  });

  test("is announced when it begins, not at each percent", async () => {
    network.on("GET /api_token/moves", moves(move()));
    open(address);
    const region = (await shown()).closest<HTMLElement>("[role=status]");
    if (!region) throw new Error("no live region");
    /** The announcements of the region. */
    const announced = () => {
      const heard = region.cloneNode(true) as HTMLElement;
      for (const hidden of heard.querySelectorAll("[aria-hidden]")) hidden.remove();
      return heard.textContent;
    };
    const before = announced();
    network.on("GET /api_token/moves", moves(move({ written_count: 500_000 })));
    await pass(4);
    await waitFor(() => expect(within(region).getByText("61%")).toBeInTheDocument());
    expect(announced()).toBe(before);
    expect(before).toMatch(/^Revoking 812,400 tokens/);
  });

  test("is shown after a revoke on this page starts it", async () => {
    const made = token({ status: "revoked" });
    network.on("POST /api_token/:id/revoke", () => {
      network.on(
        "GET /api_token/moves",
        moves(move({ field: "created_by_api_token_id", created_by_name: "API token …x7Qa" })),
      );
      return one(made);
    });
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: /Actions for/ }));
    await user.click(await screen.findByRole("menuitem", { name: "Revoke" }));
    await user.click(await screen.findByRole("checkbox", { name: /^Also revoke/ }));
    await waitFor(() => expect(screen.getByRole("button", { name: "Revoke token" })).toBeEnabled());
    await user.click(screen.getByRole("button", { name: "Revoke token" }));
    expect(await shown()).toHaveAccessibleName(/^Revoking 812,400 tokens created by API token …x7Qa\./);
  });

  test("that fails to load leaves the page unchanged", async () => {
    network.on("GET /api_token/moves", failure(503, "unexpected", "The store is unavailable."));
    open(address);
    expect(await screen.findByText("Reader")).toBeInTheDocument();
    await pass(8);
    expect(screen.queryByText(/unavailable/)).not.toBeInTheDocument();
  });

  test("is the oldest if there are several", async () => {
    network.on("GET /api_token/moves", moves(move(), move({ environment_name: "Testing" }), move()));
    open(address);
    expect(await shown()).toHaveAccessibleName(/“Staging”.*2 more changes are waiting\.$/);
  });

  const nothing = { environment_name: null };
  test.each<[string, Partial<TokenMove>]>([
    [
      "Suspending 812,400 tokens of the agent “Reader”. They are already refused",
      { field: "agent_id", agent_name: "Reader", status: "suspended", ...nothing },
    ],
    [
      "Activating 812,400 tokens of the agent “Reader”. They are already accepted",
      { field: "agent_id", agent_name: "Reader", status: "active", ...nothing },
    ],
    [
      "Revoking 812,400 tokens of the agent “Reader” in “Staging”. They are already refused",
      { field: "agent_deployment_id", agent_name: "Reader" },
    ],
    [
      "Revoking 812,400 tokens created by Grace Hopper. They are already refused",
      { field: "created_by_admin_user_id", created_by_name: "Grace Hopper", ...nothing },
    ],
    ["Revoking 812,400 tokens of the environment “environment-9”.", { id: "environment-9", ...nothing }],
  ])("is described: %s", async (text, more) => {
    network.on("GET /api_token/moves", moves(move(more)));
    open(address);
    expect(await shown()).toHaveAccessibleName(expect.stringContaining(text));
  });
});
