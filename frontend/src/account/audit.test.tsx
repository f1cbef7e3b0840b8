import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { failure, network, type Sent, sent } from "../testing/network";
import { open } from "../testing/render";
import { auditEvent, list, signedIn } from "../testing/samples";
import type { AuditEvent } from "../wire";

const address = "/account/audit";

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /audit_event", list([auditEvent()]));
});

const lastQuery = () => sent.filter(({ route }) => route === "GET /audit_event").at(-1)?.query;
const row = () => screen.findByRole("row", { name: /Ada Lovelace/ });
const choice = (name: string) => screen.getByRole("combobox", { name });

describe("an event", () => {
  test("says who did what, why, when and from where, to viewers too", async () => {
    const { admin_user } = signedIn().details;
    network.on("GET /session", signedIn({ admin_user: admin_user && { ...admin_user, role: "viewer" } }));
    network.on("GET /audit_event", list([auditEvent({ reason: "Leaked in a log", detail: "in bulk" })]));
    open(address);
    const shown = await row();
    for (const text of [
      "Ada Lovelace suspended token …W0tQ",
      "Reason: Leaked in a log",
      "in bulk",
      "192.0.2.7",
      "3 days ago",
    ])
      expect(shown).toHaveTextContent(text);
    expect(within(shown).getByRole("link", { name: "…W0tQ" })).toHaveAttribute(
      "href",
      "/account/api-tokens/token-1",
    );
    expect(screen.getByRole("link", { name: "Audit" })).toHaveAttribute("aria-current", "page");
  });

  test("shows the times in its detail as other times", async () => {
    network.on("GET /audit_event", list([auditEvent({ detail: "account, expires 2019-11-29T12:20:45Z" })]));
    open(address);
    expect(await row()).toHaveTextContent(/Account, expires 29 Nov 2019, \d\d:\d\d/);
    expect(within(await row()).getByText(/^29 Nov 2019/)).toHaveAttribute("datetime", "2019-11-29T12:20:45Z");
  });

  test.each([
    ["agent_deployment, expires soon", "Agent deployment, expires soon"],
    ["environment, read only, expires soon", "Environment, read only, expires soon"],
    ["imported, agent_deployment, expires soon", "Imported, agent deployment, expires soon"],
    ["agent_deployment", "agent_deployment"],
  ])("shows the scope of a token in its detail as elsewhere: %s", async (detail, text) => {
    network.on("GET /audit_event", list([auditEvent({ detail })]));
    open(address);
    expect(within(await row()).getByText(text)).toBeVisible();
  });

  const byToken = { actor_admin_user_id: null, actor_api_token_id: "token-9" };
  const byServer: Partial<AuditEvent> = {
    actor_kind: "server",
    actor_admin_user_id: null,
    actor_name: null,
    actor_address: null,
  };
  test.each<[string, Partial<AuditEvent>, string[]]>([
    [
      "API token …x7Qa registered agent Clerk",
      {
        ...byToken,
        actor_name: "API token …x7Qa",
        action: "agent.created",
        subject_id: "agent-1",
        subject_name: "Clerk",
      },
      ["/account/api-tokens/token-9", "/agents/agent-1"],
    ],
    [
      "A deleted token deleted token with ID …00000001",
      {
        ...byToken,
        actor_name: null,
        action: "api_token.deleted",
        subject_id: "token-00000001",
        subject_name: null,
      },
      [],
    ],
    [
      "Ada Lovelace signed in",
      { action: "session.created", subject_id: "user-1", subject_name: "Ada Lovelace" },
      [],
    ],
    [
      "Ada Lovelace removed a member",
      { action: "admin_user.removed", subject_id: "user-2", subject_name: null },
      [],
    ],
    [
      "The server restored a backup",
      { ...byServer, action: "backup.restored", subject_id: "account-1", subject_name: null },
      [],
    ],
    [
      "The command line changed the role of Grace",
      {
        ...byServer,
        actor_kind: "command_line",
        action: "admin_user.role_changed",
        subject_id: "user-2",
        subject_name: "Grace",
      },
      [],
    ],
    [
      "Someone not signed in failed to sign in as Grace, 1,200 times within a minute",
      {
        ...byServer,
        actor_kind: "stranger",
        action: "session.refused",
        subject_id: "user-2",
        subject_name: "Grace",
        times: 1200,
      },
      [],
    ],
    // of a newer server
    [
      "Ada Lovelace kettle.boiled Tea",
      { action: "kettle.boiled" as AuditEvent["action"], subject_name: "Tea" },
      [],
    ],
  ])("reads: %s", async (text, event, links) => {
    network.on("GET /audit_event", list([auditEvent(event)]));
    open(address);
    const table = within(await screen.findByRole("table", { name: "Audit", busy: false }));
    const [, shown] = table.getAllByRole("row");
    expect(shown?.querySelector("p")?.textContent).toBe(text);
    expect(table.queryAllByRole("link").map((link) => link.getAttribute("href"))).toEqual(links);
  });
});

test("the filters are in the address", async () => {
  const { user } = open(`${address}?page=2`);
  await row();
  await user.selectOptions(choice("Kind of change"), "People");
  await user.selectOptions(choice("Time"), "Last 7 days");
  await waitFor(() => expect(lastQuery()?.get("from")).toBeTruthy());
  expect(window.location.search).toBe("?action=admin_user.*&action=admin_user_invite.*&from=7d");
  const download = screen.getByRole("link", { name: "Export" });
  expect(download).toHaveAttribute("download", "audit.jsonl");
  expect(download.getAttribute("href")).toMatch(
    /^\/api\/v1\/audit_event\/export\?action=admin_user.\*&action=admin_user_invite.\*&from=20/,
  );
  expect(lastQuery()?.getAll("action")).toEqual(["admin_user.*", "admin_user_invite.*"]);
  const days = (Date.now() - Date.parse(lastQuery()?.get("from") ?? "")) / 86_400_000;
  expect(days).toBeGreaterThanOrEqual(7);
  expect(days).toBeLessThan(7.01);
  await user.selectOptions(choice("Kind of change"), "Any change");
  await user.selectOptions(choice("Time"), "Any time");
  await waitFor(() => expect(lastQuery()?.has("from")).toBe(false));
  expect(window.location.search).toBe("");
});

test("a link may name an actor, a subject and single actions", async () => {
  const { user } = open(`${address}?action=api_token.suspended&actor=user-1&subject=token-1`);
  await row();
  expect(lastQuery()?.toString()).toMatch(/^action=api_token.suspended&actor=user-1&subject=token-1&/);
  expect(choice("Kind of change")).toHaveDisplayValue("api_token.suspended");
  await user.click(screen.getByRole("button", { name: "Remove filter: By Ada Lovelace" }));
  await user.click(await screen.findByRole("button", { name: "Remove filter: Of …W0tQ" }));
  await waitFor(() => expect(lastQuery()?.has("subject")).toBe(false));
  expect(window.location.search).toBe("?action=api_token.suspended");
});

test("the next page begins at the cursor", async () => {
  network.on("GET /audit_event", ({ query }: Sent) =>
    query.has("pagination[after]")
      ? list([auditEvent({ id: "event-51", subject_name: "Oldest" })], {
          item_start: 51,
          item_end: 51,
          item_count: 51,
          page_count: 2,
        })
      : list([auditEvent()], { item_count: 51, item_end: 50, page_count: 2, next_cursor: "17.3" }),
  );
  const { user } = open(address);
  await user.click(await screen.findByRole("button", { name: "Next" }));
  expect(await screen.findByRole("row", { name: /suspended token Oldest/ })).toBeInTheDocument();
  expect(lastQuery()?.get("pagination[after]")).toBe("17.3");
  expect(window.location.search).toBe("?page=2&after=17.3");
  expect(screen.getByText("51–51 of 51")).toBeInTheDocument();
  expect(screen.getByRole("button", { name: "Next" })).toBeDisabled();
});

test("a search is in the address, and goes on with older changes", async () => {
  network.on("GET /audit_event", ({ query }: Sent) => {
    if (!query.has("search")) return list([auditEvent()]);
    const more = { item_count: 1, page_count: 2, item_count_is_minimum: true };
    return query.has("pagination[after]")
      ? list([auditEvent({ subject_name: "Oldest" })])
      : list([], { ...more, next_cursor: "17.3.0.9", searched_to: auditEvent().inserted_at });
  });
  const { user } = open(address);
  await row();
  await user.type(screen.getByRole("searchbox", { name: "Search changes" }), "leak{Enter}");
  expect(await screen.findByRole("heading", { name: "No changes found yet" })).toBeInTheDocument();
  // A notice of what is loaded may have the same role for a moment.
  await waitFor(() =>
    expect(screen.getByRole("status")).toHaveTextContent("None on this page, searched back to 3 days ago"),
  );
  expect(lastQuery()?.get("search")).toBe("leak");
  await user.click(screen.getByRole("button", { name: "Search older" }));
  expect(await screen.findByRole("row", { name: /suspended token Oldest/ })).toBeInTheDocument();
  expect(window.location.search).toBe("?q=leak&page=2&after=17.3.0.9");
});

test("if no change matches, the filters can be cleared", async () => {
  network.on("GET /audit_event", ({ query }: Sent) => list(query.has("from") ? [] : [auditEvent()]));
  const { user } = open(`${address}?from=24h`);
  expect(await screen.findByRole("heading", { name: "No changes match" })).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "Clear filters" }));
  expect(await row()).toBeInTheDocument();
  expect(document.body).not.toHaveFocus();
});

test("the page says why it failed to load, and tries again", async () => {
  network.on("GET /audit_event", failure(503, "unexpected", "The store is unavailable."));
  const { user } = open(address);
  expect(await screen.findByText(/The store is unavailable/)).toBeInTheDocument();
  network.on("GET /audit_event", list([]));
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("heading", { name: "No changes yet" })).toBeInTheDocument();
});
