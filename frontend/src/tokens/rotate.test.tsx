import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { bodiesOf, failure, network, noRoute, unreachable } from "../testing/network";
import { open } from "../testing/render";
import { ago } from "../testing/sample";
import { list, one, signedIn, token } from "../testing/samples";
import type { ApiToken } from "../wire";

const secret = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhY2NvdW50LTEifQ.c2lnbmF0dXJl";
const day = 86_400_000;

let shown: ApiToken;

const old = (more: Partial<ApiToken> = {}) =>
  token({ old_secret: { hint: "oLd1", ends_at: ago(-3_600_000) }, hint: "nEw2", ...more });

beforeEach(() => {
  shown = token();
  network.on("GET /session", signedIn());
  network.on("GET /api_token", () => list([shown]));
  network.on("POST /api_token/:id/rotate", () => {
    shown = old({ rotated_at: ago(0) });
    return { ...one(shown), token: secret };
  });
});

async function choose(item: string, address = "/account/api-tokens") {
  const opened = open(address);
  await opened.user.click(await screen.findByRole("button", { name: /^Actions for/ }));
  await opened.user.click(await screen.findByRole("menuitem", { name: item }));
  return opened;
}

const dialog = (name: string) => screen.findByRole("dialog", { name });
const details = () =>
  (bodiesOf("POST /api_token/:id/rotate") as { details: object }[]).map((body) => body.details);

describe("rotating a token", () => {
  test("keeps the old secret for a day and the expiry, unless told otherwise, and shows the new one", async () => {
    const { user } = await choose("Rotate");
    const form = within(await dialog("Rotate this token"));
    expect(form.getByRole("radio", { name: "24 hours" })).toBeChecked();
    expect(form.getByRole("radio", { name: "Keep" })).toBeChecked();
    await user.click(form.getByRole("button", { name: "Rotate token" }));
    const saved = within(await dialog("Save the new secret now"));
    expect(saved.getByRole("textbox", { name: "Token value" })).toHaveValue(secret);
    expect(saved.getByText(/The old secret …oLd1 works until/)).toBeInTheDocument();
    expect(details()).toEqual([{ overlap_seconds: 86_400 }]);
    expect(await screen.findByText(/Two secrets until/)).toHaveTextContent("The old one is …oLd1.");
  });

  test("shows the new secret on the token's page also while a proxy answers for a server that starts again", async () => {
    network.on("GET /api_token/:id", () => one(shown));
    network.on("GET /api_token/:id/events", list([]));
    const { client, user } = await choose("Rotate", "/account/api-tokens/token-1");
    await user.click(within(await dialog("Rotate this token")).getByRole("button", { name: "Rotate token" }));
    await dialog("Save the new secret now");
    network.on("GET /api_token/:id", noRoute);
    await client.refetchQueries({ queryKey: ["tokens", "one"] });
    expect(await screen.findByText(/^A proxy answered instead of Tokentab \(404\)\./)).toBeInTheDocument();
    expect(screen.getByRole("textbox", { name: "Token value" })).toHaveValue(secret);
  });

  test("ends the old secret at once and moves the expiry if asked to", async () => {
    const { user } = await choose("Rotate");
    const form = within(await dialog("Rotate this token"));
    await user.click(form.getByRole("radio", { name: "End now" }));
    expect(
      form.getByText(/^Refused at once. The token was last used 5 minutes ago\. Pending invites/),
    ).toBeInTheDocument();
    await user.click(form.getByRole("radio", { name: "30 days" }));
    await user.click(form.getByRole("button", { name: "Rotate token" }));
    await dialog("Save the new secret now");
    expect(details()).toEqual([{ overlap_seconds: 0, expires_in: 30 * 86_400 }]);
  });

  test("never promises an overlap beyond the expiry of the old secret", async () => {
    shown = token({ expires_at: ago(-2 * day) });
    const { user } = await choose("Rotate");
    const form = within(await dialog("Rotate this token"));
    const until = form.getByText(/^Works until/).textContent;
    await user.click(form.getByRole("radio", { name: "7 days" }));
    const capped = form.getByText(/^Works until/).textContent;
    expect(capped).not.toBe(until);
    await user.click(form.getByRole("radio", { name: "30 days" }));
    expect(form.getByText(/^Works until/).textContent).toBe(capped);
  });

  test("says that two secrets both end", async () => {
    shown = old();
    const { user } = await choose("Rotate");
    const form = within(await dialog("Rotate this token"));
    expect(form.getByText(/Rotating it ends both at once/)).toBeInTheDocument();
    expect(form.queryByRole("radio", { name: "24 hours" })).not.toBeInTheDocument();
    await user.click(form.getByRole("button", { name: "Rotate token" }));
    await dialog("Save the new secret now");
    expect(details()).toEqual([{ overlap_seconds: 0 }]);
  });

  test("shows the server's message at its field", async () => {
    network.on(
      "POST /api_token/:id/rotate",
      failure(422, "validation_errors", "No.", { errors: { expires_in: ["must not be after tomorrow"] } }),
    );
    const { user } = await choose("Rotate");
    await user.click(await screen.findByRole("radio", { name: "1 year" }));
    await user.click(screen.getByRole("button", { name: "Rotate token" }));
    expect(await screen.findByText(/must not be after tomorrow/)).toBeInTheDocument();
  });
});

describe("renewing a token", () => {
  test("is offered before the expiry, with the usual lifetime", async () => {
    shown = token({ expires_at: ago(-3 * day) });
    const { user } = await choose("Renew");
    const form = within(await dialog("Renew this token"));
    expect(form.getByRole("radio", { name: "1 year" })).toBeChecked();
    await user.click(form.getByRole("button", { name: "Renew token" }));
    await dialog("Save the new secret now");
    expect(details()).toEqual([{ overlap_seconds: 86_400, expires_in: 365 * 86_400 }]);
  });

  test("is all that an expired token offers, without an overlap", async () => {
    shown = token({ expires_at: ago(day) });
    const { user } = await choose("Renew");
    const form = within(await dialog("Renew this token"));
    expect(form.queryByRole("radio", { name: "Keep" })).not.toBeInTheDocument();
    expect(form.queryByRole("radio", { name: "24 hours" })).not.toBeInTheDocument();
    await user.click(form.getByRole("button", { name: "Renew token" }));
    await dialog("Save the new secret now");
    expect(details()).toEqual([{ overlap_seconds: 0, expires_in: 365 * 86_400 }]);
  });
});

describe("an answer that is lost", () => {
  test("is asked for again with the same request, and a lost secret can be replaced", async () => {
    let lost = true;
    network.on("POST /api_token/:id/rotate", () => {
      const before = shown.old_secret;
      shown = old({ rotated_at: ago(0) });
      if (before) return lost ? one(shown) : { ...one(token({ hint: "nEw3" })), token: secret };
      return unreachable;
    });
    const { user } = await choose("Rotate");
    await user.click(await screen.findByRole("button", { name: "Rotate token" }));
    const again = within(await dialog("The new secret is lost"));
    expect(again.getByText(/The old secret …oLd1 works until/)).toBeInTheDocument();
    const keys = (bodiesOf("POST /api_token/:id/rotate") as { idempotency_key: string }[]).map(
      (body) => body.idempotency_key,
    );
    expect(new Set(keys).size).toBe(1);
    lost = false;
    await user.click(again.getByRole("button", { name: "Rotate again" }));
    expect(await screen.findByText(/Rotating it ends both at once/)).toBeInTheDocument();
    await user.click(screen.getByRole("button", { name: "Rotate token" }));
    expect(await screen.findByRole("textbox", { name: "Token value" })).toHaveValue(secret);
  }, 15_000);
});

describe("the old secret", () => {
  test("can be ended after a question", async () => {
    shown = old();
    network.on("POST /api_token/:id/end_old_secret", () => {
      shown = token({ hint: "nEw2" });
      return one(shown);
    });
    const { user } = await choose("End old secret");
    const question = within(await screen.findByRole("alertdialog", { name: "End the old secret now?" }));
    await user.click(question.getByRole("button", { name: "End old secret" }));
    await waitFor(() => expect(screen.queryByText(/Two secrets until/)).not.toBeInTheDocument());
    expect(screen.getByText(/has one secret now/)).toBeInTheDocument();
  });

  test("is not offered for ending unless there is one, and no revoked token rotates", async () => {
    const { user } = open("/account/api-tokens");
    await user.click(await screen.findByRole("button", { name: /^Actions for/ }));
    expect(await screen.findByRole("menuitem", { name: "Rotate" })).toBeInTheDocument();
    expect(screen.queryByRole("menuitem", { name: "End old secret" })).not.toBeInTheDocument();
    expect(screen.queryByRole("menuitem", { name: "Renew" })).not.toBeInTheDocument();
  });
});
