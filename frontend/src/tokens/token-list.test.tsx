import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { bodiesOf, failure, network, type Sent, sent, unreachable } from "../testing/network";
import { expectMessage, open } from "../testing/render";
import { ago } from "../testing/sample";
import { actionsOf, deploymentToken, list, one, rowUse, signedIn, token, use } from "../testing/samples";
import type { ApiToken, TokenStatus } from "../wire";

const address = "/account/api-tokens";
const day = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * day).toISOString();

let stored: ApiToken[];
/** The active descendants of the token. */
let created: ApiToken[];

function withStatus(id: string, status: TokenStatus): ApiToken {
  const found = stored.find((one) => one.id === id);
  if (!found) throw new Error(`no token ${id}`);
  const changed = { ...found, status, available_actions: actionsOf(status) };
  stored = stored.map((one) => (one.id === id ? changed : one));
  return changed;
}

beforeEach(() => {
  stored = [token()];
  created = [];
  network.on("GET /session", signedIn());
  network.on("GET /api_token", ({ query }: Sent) => list(query.has("descendants_of") ? created : stored));
});

const rowOf = async (text: RegExp) => screen.findByRole("row", { name: text });
const menuOf = async (user: ReturnType<typeof open>["user"], name: RegExp) => {
  await user.click(await screen.findByRole("button", { name }));
  return screen.findByRole("menu");
};

/** Says yes to the open question, once it knows how the token is used. */
async function sayYes(user: ReturnType<typeof open>["user"], name: string) {
  const yes = await screen.findByRole("button", { name });
  await waitFor(() => expect(yes).toBeEnabled());
  await user.click(yes);
}

describe("a row", () => {
  test("shows status, scope, name, last characters, times and creator", async () => {
    stored = [token({ last_used_at: null })];
    open(address);
    const row = await rowOf(/Account/);
    expect(row).toHaveTextContent("ActiveCIAccount…x7Qa");
    expect(row).toHaveTextContent("Created 3 days ago");
    expect(row).toHaveTextContent("Expires in 90 days");
    expect(row).toHaveTextContent("Last used Never");
    expect(row).toHaveTextContent("Created by Ada Lovelace");
  });

  test("says that a new token waits for its first use, until a day has passed", async () => {
    stored = [
      token({ id: "t1", name: "new", last_used_at: null, inserted_at: ago(3_600_000) }),
      token({ id: "t2", name: "older", last_used_at: null, inserted_at: ago(2 * day) }),
      token({ id: "t3", name: "off", last_used_at: null, inserted_at: ago(0), status: "suspended" }),
    ];
    open(address);
    expect(await rowOf(/new/)).toHaveTextContent("Waiting for first use");
    expect(await rowOf(/older/)).toHaveTextContent("Last used Never");
    expect(await rowOf(/off/)).toHaveTextContent("Last used Never");
  });

  test("shows the uses of thirty days as bars, and as a text for screen readers", async () => {
    const refused = Array<number>(30).fill(0);
    refused[29] = 3;
    stored = [
      token({ use: rowUse({ refused }) }),
      token({ id: "t2", name: "idle", use: rowUse({ accepted: refused.map(() => 0) }) }),
    ];
    open(address);
    const row = await rowOf(/CI/);
    expect(row).toHaveTextContent("120 accepted and 3 refused in 30 days");
    const [none, accepted, missed] = [
      ...row.querySelectorAll(
        "svg[aria-hidden] > path.fill-line-strong, path.fill-accent-ink, path.fill-warn",
      ),
    ].map((path) => path.getAttribute("d")?.split("M").length);
    expect([none, accepted, missed]).toEqual([28, 4, 2]);
    expect(await rowOf(/idle/)).toHaveTextContent("Not used in 30 days");
    expect(sent.find(({ route }) => route === "GET /api_token")?.query.get("include")).toBe("use");
  });

  test("says if a token that is refused is still being tried, but not once it is accepted again", async () => {
    const tried = rowUse({ still_tried: true, last_refused_at: ago(5 * 60_000) });
    stored = [token({ status: "revoked", use: tried }), token({ id: "t2", name: "back", use: tried })];
    open(address);
    expect(await rowOf(/CI/)).toHaveTextContent("Still being tried: last refused 5 minutes ago");
    expect(await rowOf(/back/)).not.toHaveTextContent("Still being tried");
  });

  test("shows the use of each of two secrets", async () => {
    const secrets = {
      old: { accepted: 12, last_used_at: ago(5 * 60_000) },
      new: { accepted: 0, last_used_at: null },
    };
    stored = [token({ old_secret: { hint: "oLd1", ends_at: inDays(1) }, use: rowUse({ secrets }) })];
    open(address);
    expect(await rowOf(/CI/)).toHaveTextContent(
      /Two secrets until .*\. Old …oLd1: 12 uses, the last 5 minutes ago\. New …x7Qa: not used yet\./,
    );
  });

  test("shows a last use in the future as unknown", async () => {
    stored = [token({ last_used_at: new Date(Date.now() + 14 * 365 * 86_400_000).toISOString() })];
    open(address);
    expect(await rowOf(/Account/)).toHaveTextContent("Last used Unknown");
  });

  test("describes each relative time by the exact one in UTC", async () => {
    open(address);
    const row = await rowOf(/Account/);
    const times = within(row).getAllByRole("button", { name: /ago|in 90/ });
    expect(times).toHaveLength(3);
    for (const time of times) expect(time).toHaveAccessibleDescription(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
    expect(within(row).getByRole("button", { name: "5 minutes ago" })).toHaveAccessibleDescription(
      /\(±5 s\)$/,
    );
  });

  test("has one Tab stop besides its menu, its link; arrow keys reach the times, and Shift+Tab its checkbox", async () => {
    stored = [token(), token({ id: "token-9", name: "Next" })];
    const { user } = open(address);
    const row = await rowOf(/CI/);
    const [first, second, third] = within(row).getAllByRole("button", { name: /ago|in 90/ });
    const link = within(row).getByRole("link", { name: "“CI” (…x7Qa)" });
    expect(link).toHaveAttribute("href", "/account/api-tokens/token-1");
    while (document.activeElement !== link) await user.tab();
    await user.keyboard("{ArrowRight}");
    expect(first).toHaveFocus();
    await user.keyboard("{ArrowRight}");
    expect(second).toHaveFocus();
    await user.keyboard("{End}{ArrowRight}");
    expect(third).toHaveFocus();
    await user.tab();
    expect(within(row).getByRole("button", { name: /Actions for/ })).toHaveFocus();
    await user.tab({ shift: true });
    expect(third).toHaveFocus();
    await user.tab();
    await user.tab();
    expect(within(await rowOf(/Next/)).getByRole("link")).toHaveFocus();
    await user.tab({ shift: true });
    expect(within(await rowOf(/Next/)).getByRole("checkbox")).toHaveFocus();
    await user.tab({ shift: true });
    expect(within(row).getByRole("button", { name: /Actions for/ })).toHaveFocus();
  });

  test("shows the exact time on keyboard focus", async () => {
    const { user } = open(address);
    const row = await rowOf(/Account/);
    const time = within(row).getByRole("button", { name: "3 days ago" });
    while (document.activeElement !== within(row).getByRole("link")) await user.tab();
    await user.keyboard("{ArrowRight}");
    expect(time).toHaveFocus();
    expect(await screen.findByText(/UTC/, { selector: "[data-open]" })).toBeVisible();
  });

  test("warns 14 days before the expiry of a working token", async () => {
    stored = [
      token({ id: "t1", name: "soon", expires_at: inDays(3) }),
      token({ id: "t2", name: "past", expires_at: inDays(-2) }),
      token({ id: "t3", name: "gone", expires_at: inDays(3), status: "revoked" }),
    ];
    open(address);
    const soonRow = await rowOf(/soon/);
    expect(soonRow).toHaveTextContent("Expires in 3 days");
    expect(within(soonRow).getByRole("img", { name: /Warning/ })).toBeInTheDocument();
    expect(within(await rowOf(/past/)).queryByRole("img")).not.toBeInTheDocument();
    expect(within(await rowOf(/gone/)).queryByRole("img")).not.toBeInTheDocument();
  });

  test("shows only tokens past their expiry as expired", async () => {
    stored = [token({ expires_at: inDays(-2) })];
    open(address);
    const row = await rowOf(/CI/);
    expect(row).toHaveTextContent("Expired 2 days ago");
    expect(within(row).getAllByText("Expired")).toHaveLength(2);
    expect(within(row).queryByText("Active")).not.toBeInTheDocument();
  });

  test("shows when and by whom a token was revoked, instead of its expiry", async () => {
    stored = [
      token({
        status: "revoked",
        revoked_at: inDays(-3),
        revoked_by_admin_user_id: "user-2",
        revoked_by_name: "Grace Hopper",
      }),
    ];
    open(address);
    const row = await rowOf(/CI/);
    expect(row).toHaveTextContent(/Revoked 3 days ago.*by Grace Hopper/);
    expect(row).not.toHaveTextContent("Expires");
  });

  test("shows why a retired agent's token stays suspended, and links to the agent", async () => {
    stored = [deploymentToken({ status: "suspended", agent_retired: true })];
    open(address);
    const row = await rowOf(
      /It can’t be activated while Invoice reader is retired\. Reinstate the agent first\./,
    );
    expect(within(row).getByRole("link", { name: "Reinstate the agent" })).toHaveAttribute(
      "href",
      "/agents/agent-1/deployments",
    );
  });
});

describe("the menu of a row", () => {
  test.each([
    ["active", ["Suspend", "Revoke", "Rotate", "Copy ID"]],
    ["suspended", ["Activate", "Revoke", "Rotate", "Copy ID"]],
    ["revoked", ["Delete", "Copy ID"]],
  ] as const)("offers for an %s token %j", async (status, labels) => {
    stored = [token({ status })];
    const { user } = open(address);
    const menu = await menuOf(user, /Actions for “CI”/);
    expect(
      within(menu)
        .getAllByRole("menuitem")
        .map((item) => item.textContent),
    ).toEqual(labels);
  });

  test("offers to revoke and renew an expired token, but no moves without effect", async () => {
    stored = [token({ expires_at: inDays(-2) })];
    const { user } = open(address);
    const menu = await menuOf(user, /Actions for “CI”/);
    expect(
      within(menu)
        .getAllByRole("menuitem")
        .map((item) => item.textContent),
    ).toEqual(["Revoke", "Renew", "Copy ID"]);
    await user.click(within(menu).getByRole("menuitem", { name: "Revoke" }));
    const question = await screen.findByRole("alertdialog", { name: "Revoke this token?" });
    expect(question).toHaveTextContent("It has expired, so it is already refused.");
    expect(question).not.toHaveTextContent("at once");
  });

  test("shows why a retired agent's token can't be activated", async () => {
    stored = [
      deploymentToken({
        status: "suspended",
        agent_retired: true,
        available_actions: { ...actionsOf("suspended"), activate: false },
      }),
    ];
    const { user } = open(address);
    const menu = await menuOf(user, /Actions for/);
    const activate = within(menu).getByRole("menuitem", { name: /Activate/ });
    expect(activate).toHaveAttribute("aria-disabled", "true");
    expect(activate).toHaveTextContent("Its agent is retired. Reinstate it first.");
  });

  test("works by keyboard, and returns the focus on Escape", async () => {
    const { user } = open(address);
    const button = await screen.findByRole("button", { name: /Actions for/ });
    button.focus();
    await user.keyboard("{Enter}");
    await waitFor(() => expect(screen.getByRole("menuitem", { name: "Suspend" })).toHaveFocus());
    await user.keyboard("{ArrowDown}");
    await waitFor(() => expect(screen.getByRole("menuitem", { name: "Revoke" })).toHaveFocus());
    await user.keyboard("{Escape}");
    await waitFor(() => expect(button).toHaveFocus());
  });
});

describe("the id of a token", () => {
  test("is copied from its row's menu", async () => {
    const writeText = vi.fn(async () => {});
    const { user } = open(address);
    Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
    await user.click(within(await menuOf(user, /Actions for/)).getByRole("menuitem", { name: "Copy ID" }));
    expect(await screen.findByText("ID of “CI” (…x7Qa) copied.")).toBeInTheDocument();
    expect(writeText).toHaveBeenCalledWith("token-1");
  });

  test("is shown if the browser does not let us copy it", async () => {
    const { user } = open(address);
    Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true });
    await user.click(within(await menuOf(user, /Actions for/)).getByRole("menuitem", { name: "Copy ID" }));
    await expectMessage(/did not let us copy the ID\. It is token-1$/);
    expect(screen.queryByText(/copied/)).not.toBeInTheDocument();
  });
});

describe("moving a token", () => {
  beforeEach(() => {
    stored = [token({ last_used_at: ago(2 * day) })];
  });

  test("suspend and activate act at once and announce it", async () => {
    network.on("POST /api_token/:id/suspend", () => one(withStatus("token-1", "suspended")));
    network.on("POST /api_token/:id/activate", () => one(withStatus("token-1", "active")));
    const { user } = open(address);
    await menuOf(user, /Actions for/);
    await user.click(screen.getByRole("menuitem", { name: "Suspend" }));
    expect(await screen.findByText(/^“CI” \(…x7Qa\) suspended/)).toBeInTheDocument();
    expect(await rowOf(/Suspended/)).toBeInTheDocument();
    await menuOf(user, /Actions for/);
    await user.click(screen.getByRole("menuitem", { name: "Activate" }));
    expect(await rowOf(/Active/)).toBeInTheDocument();
    expect(await screen.findByText(/^“CI” \(…x7Qa\) activated/)).toBeInTheDocument();
    expect(screen.queryByText(/suspended/), "what is no longer true").not.toBeInTheDocument();
  });

  test("revoke asks first, naming the token and its last use, and does nothing on Cancel", async () => {
    network.on("GET /api_token/:id/use", one(use({ last_used_at: ago(2 * day) })));
    const { user } = open(address);
    await menuOf(user, /Actions for/);
    await user.click(screen.getByRole("menuitem", { name: "Revoke" }));
    const question = await screen.findByRole("alertdialog", { name: "Revoke this token?" });
    expect(question).toHaveTextContent("“CI” (…x7Qa). It was last used 2 days ago.");
    await user.click(within(question).getByRole("button", { name: "Cancel" }));
    await waitFor(() => expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument());
    expect(await rowOf(/Active/)).toBeInTheDocument();
    await waitFor(() => expect(screen.getByRole("button", { name: /Actions for/ })).toHaveFocus());
  });

  test("revoke happens on yes, and the focus returns to the row", async () => {
    network.on("POST /api_token/:id/revoke", () => one(withStatus("token-1", "revoked")));
    const { user } = open(address);
    await menuOf(user, /Actions for/);
    await user.click(screen.getByRole("menuitem", { name: "Revoke" }));
    await sayYes(user, "Revoke token");
    expect(await rowOf(/Revoked/)).toBeInTheDocument();
    await waitFor(() => expect(screen.getByRole("button", { name: /Actions for/ })).toHaveFocus());
    expect(bodiesOf("POST /api_token/:id/revoke")).toEqual([{}]);
  });

  test("revoke offers to include the tokens that it created, and includes them only if ticked", async () => {
    created = [token({ id: "token-2" }), token({ id: "token-3" }), token({ id: "token-4" })];
    network.on("POST /api_token/:id/revoke", () => one(withStatus("token-1", "revoked")));
    const { user } = open(address);
    await menuOf(user, /Actions for/);
    await user.click(screen.getByRole("menuitem", { name: "Revoke" }));
    const offer = await screen.findByRole("checkbox", { name: "Also revoke the 3 tokens it created" });
    expect(offer).not.toBeChecked();
    await user.click(offer);
    await sayYes(user, "Revoke token");
    expect(await rowOf(/Revoked/)).toBeInTheDocument();
    expect(bodiesOf("POST /api_token/:id/revoke")).toEqual([{ details: { with_descendants: true } }]);
    expect(sent.find(({ query }) => query.has("descendants_of"))?.query.get("live")).toBe("true");
  });

  test("delete asks first, removes the row, and the focus goes to the next row", async () => {
    stored = [token({ status: "revoked", last_used_at: null }), token({ id: "token-9", name: "Next" })];
    network.on("DELETE /api_token/:id", () => {
      const [gone, ...rest] = stored;
      stored = rest;
      return one(gone);
    });
    const { user } = open(address);
    await menuOf(user, /Actions for “CI”/);
    await user.click(screen.getByRole("menuitem", { name: "Delete" }));
    const question = await screen.findByRole("alertdialog", { name: "Delete this token?" });
    expect(question).toHaveTextContent("It has never been used.");
    await sayYes(user, "Delete token");
    await waitFor(() => expect(screen.queryByRole("row", { name: /CI/ })).not.toBeInTheDocument());
    await waitFor(() => expect(screen.getByRole("button", { name: /Actions for “Next”/ })).toHaveFocus());
  });

  test("a row that leaves the filtered list after its dialog passes the focus on", async () => {
    stored = [token(), token({ id: "token-9", name: "Next" })];
    network.on("GET /api_token", () => list(stored.filter(({ status }) => status === "active")));
    network.on("POST /api_token/:id/revoke", () => one(withStatus("token-1", "revoked")));
    const { user } = open(`${address}?state=active`);
    await menuOf(user, /Actions for “CI”/);
    await user.click(screen.getByRole("menuitem", { name: "Revoke" }));
    await sayYes(user, "Revoke token");
    await waitFor(() => expect(screen.queryByRole("row", { name: /CI/ })).not.toBeInTheDocument());
    await waitFor(() => expect(screen.getByRole("button", { name: /Actions for “Next”/ })).toHaveFocus());
  });

  test("a move that someone else made impossible is reported, and the list reloads", async () => {
    network.on("POST /api_token/:id/suspend", () => {
      withStatus("token-1", "revoked");
      return failure(409, "invalid_action", "Not in this state.");
    });
    network.on("GET /api_token/:id", () => one(stored[0]));
    const { user } = open(address);
    await menuOf(user, /Actions for/);
    await user.click(screen.getByRole("menuitem", { name: "Suspend" }));
    await expectMessage(/was changed in the meantime/);
    expect(await rowOf(/Revoked/)).toBeInTheDocument();
  });

  test("a failed move is reported and changes nothing", async () => {
    network.on("POST /api_token/:id/suspend", failure(503, "unexpected", "The store is unavailable."));
    network.on("GET /api_token/:id", () => one(stored[0]));
    const { user } = open(address);
    await menuOf(user, /Actions for/);
    await user.click(screen.getByRole("menuitem", { name: "Suspend" }));
    await expectMessage(/was not suspended. The store is unavailable/);
    expect(await rowOf(/Active/)).toBeInTheDocument();
  });
});

describe("the list", () => {
  test("shows changes made elsewhere without a reload", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    try {
      open(address);
      await rowOf(/Active/);
      withStatus("token-1", "revoked");
      await vi.advanceTimersByTimeAsync(4_000);
      expect(await rowOf(/Revoked/)).toBeInTheDocument();
    } finally {
      vi.useRealTimers();
    }
  });

  test("loads the page in the address, newest first, fifty at a time", async () => {
    network.on(
      "GET /api_token",
      list([token()], { item_count: 120, page_count: 3, page_index: 2, item_start: 51, item_end: 100 }),
    );
    const { user } = open(`${address}?page=2`);
    await rowOf(/Account/);
    const asked = sent.find((one) => one.route === "GET /api_token");
    expect(asked?.query.get("pagination[offset]")).toBe("50");
    expect(asked?.query.get("pagination[page_size]")).toBe("50");
    expect(asked?.query.get("sorting")).toBe("-inserted_at");
    expect(screen.getByText("51–100 of 120")).toBeInTheDocument();
    await user.click(screen.getByRole("button", { name: "Next" }));
    await waitFor(() => expect(window.location.search).toBe("?page=3"));
  });

  test("has no pager if there is only one page", async () => {
    open(address);
    await rowOf(/Account/);
    expect(screen.queryByRole("navigation", { name: "Pages" })).not.toBeInTheDocument();
  });

  test("if empty, offers to create the first token", async () => {
    stored = [];
    const { user } = open(address);
    expect(await screen.findByRole("heading", { name: "No API tokens yet" })).toBeInTheDocument();
    await user.click(screen.getByRole("button", { name: "Create the first token" }));
    expect(await screen.findByRole("dialog", { name: "Create API token" })).toBeInTheDocument();
  });

  test("shows why it failed to load, and loads on another try", async () => {
    network.on("GET /api_token", failure(503, "unexpected", "The store is unavailable."));
    const { user } = open(address);
    expect(await screen.findByRole("alert")).toHaveTextContent("The store is unavailable.");
    network.on("GET /api_token", () => list([deploymentToken()]));
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await rowOf(/Agent deployment \(Invoice reader · Production\)/)).toBeInTheDocument();
  });

  test("keeps its rows when a later answer fails", async () => {
    const { client } = open(address);
    await rowOf(/Account/);
    network.on("GET /api_token", unreachable);
    await client.refetchQueries({ queryKey: ["tokens"] });
    expect(await screen.findByRole("alert")).toHaveTextContent(/can’t be reached.*may be out of date/);
    expect(await rowOf(/Account/)).toBeInTheDocument();
  });
});
