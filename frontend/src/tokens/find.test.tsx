import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { agent } from "../testing/agent-samples";
import { failure, network, type Sent, sent } from "../testing/network";
import { goBack, open } from "../testing/render";
import {
  deploymentToken,
  environment,
  list,
  member,
  one,
  signedIn,
  summary,
  token,
} from "../testing/samples";
import type { ApiToken } from "../wire";

const address = "/account/api-tokens";
const idOf = (last: string) => `01kdvdna00zzzzzz18532cy4e89yc${last}`;
const environmentId = idOf("env");
const agentId = idOf("agt");
const memberId = idOf("mbr");

/** The tokens that a search finds. Any other finds none. */
let named: Record<string, ApiToken[]>;
const ci = token();

beforeEach(() => {
  named = { ci: [ci] };
  network.on("GET /session", signedIn());
  network.on("GET /api_token", ({ query }: Sent) => {
    const search = query.get("search");
    return list(search === null ? [ci, token({ id: "token-9", name: "Nightly" })] : (named[search] ?? []));
  });
  network.on("GET /environment", list([environment({ id: environmentId, name: "Staging" })]));
  network.on("GET /agent", list([agent({ id: agentId, name: "Reader" })]));
  network.on("GET /admin_user", list([member({ id: memberId, name: "Grace Hopper" })]));
});

const asked = () => sent.filter(({ route }) => route === "GET /api_token");
const lastQuery = () => Object.fromEntries(asked().at(-1)?.query ?? []);
const searchField = () => screen.findByRole("searchbox", { name: "Search tokens" });
const part = (name: RegExp) => screen.findByRole("button", { name });
const inAddress = (search: string) => waitFor(() => expect(window.location.search).toBe(search));
async function openFilters(user: ReturnType<typeof open>["user"]) {
  await user.click(await screen.findByRole("button", { name: /^Filter/ }));
  return screen.findByRole("dialog", { name: "Filter" });
}

describe("the search", () => {
  test("that is still being typed is dropped with the filters", async () => {
    open(`${address}?state=active`);
    const field = await searchField();
    const clear = await screen.findByRole("button", { name: "Clear filters" });
    fireEvent.change(field, { target: { value: "no" } });
    fireEvent.click(clear);
    await inAddress("");
    expect(field).toHaveValue("");
  });

  test("asks once after a pause, and keeps letters and focus", async () => {
    const { user } = open(address);
    const field = await searchField();
    await screen.findByText("2 tokens");
    const before = asked().length;
    await user.type(field, "  CI ");
    expect(asked()).toHaveLength(before);
    await inAddress("?q=CI");
    expect(field).toHaveValue("  CI ");
    expect(field).toHaveFocus();
    expect(lastQuery()).toMatchObject({ search: "CI", sorting: "-inserted_at" });
    await user.type(field, "x");
    await inAddress("?q=CI+x");
    expect(asked().length).toBeLessThanOrEqual(before + 2);
  });

  test("is left by Back, not undone letter by letter", async () => {
    const { user } = open(address);
    const field = await searchField();
    const entries = window.history.length;
    for (const [typed, search] of [
      ["c", "?q=c"],
      ["i", "?q=ci"],
      ["d", "?q=cid"],
    ] as const) {
      await user.type(field, typed);
      await inAddress(search);
    }
    expect(window.history.length).toBe(entries + 1);
    await goBack();
    await inAddress("");
    expect(field).toHaveValue("");
  });

  test("is focused by the key /, unless one types elsewhere, and cleared by Escape", async () => {
    const { user } = open(`${address}?q=ci`);
    const field = await searchField();
    expect(field).toHaveValue("ci");
    await user.keyboard("/");
    expect(field).toHaveFocus();
    await user.keyboard("a/b");
    expect(field).toHaveValue("a/b");
    await user.keyboard("{Escape}");
    expect(field).toHaveValue("");
    expect(field).toHaveFocus();
    await inAddress("");
    await user.click(screen.getByRole("button", { name: "Create API token" }));
    const name = await screen.findByRole("textbox", { name: /^Name/ });
    await user.type(name, "a/b");
    expect(name).toHaveValue("a/b");
  });

  test("that finds nothing says so, and can be cleared", async () => {
    const { user } = open(`${address}?q=zebra&state=active`);
    expect(await screen.findByRole("heading", { name: "No tokens match" })).toBeInTheDocument();
    expect(screen.getByText("0 of 60 tokens")).toBeInTheDocument();
    expect(screen.queryByText("No API tokens yet")).not.toBeInTheDocument();
    await user.click(screen.getByRole("button", { name: "Clear filters" }));
    expect(await screen.findByRole("row", { name: /Nightly/ })).toBeInTheDocument();
    await inAddress("");
    expect(await searchField()).toHaveValue("");
  });

  test("keeps the old rows, marked as busy, until the new ones are there", async () => {
    const { user } = open(address);
    await screen.findByRole("row", { name: /Nightly/ });
    let answer: (value: unknown) => void = () => {};
    network.on("GET /api_token", () => new Promise((resolve) => (answer = resolve)));
    await user.type(await searchField(), "ci");
    await inAddress("?q=ci");
    expect(screen.getByRole("row", { name: /Nightly/ })).toBeInTheDocument();
    expect(screen.getByRole("table")).toHaveAttribute("aria-busy", "true");
    expect(screen.getByText("2 tokens")).toBeInTheDocument();
    act(() => answer(list([ci])));
    await waitFor(() => expect(screen.queryByRole("row", { name: /Nightly/ })).not.toBeInTheDocument());
    expect(screen.getByRole("table")).toHaveAttribute("aria-busy", "false");
    expect(screen.getByText("1 of 60 tokens")).toBeInTheDocument();
  });

  test.each([
    ["  a\tb\u00a0 c\n", "a b c"],
    ["\u200bkey\u202e\u0007", "key"],
    ["می\u200cخواهم\u200c", "می\u200cخواهم"],
    ["a".repeat(300), "a".repeat(200)],
    [`${"a".repeat(199)}😀`, "a".repeat(199)],
    ["\u200b", undefined],
  ])("for %j asks for %j", async (typed, search) => {
    open(`${address}?q=${encodeURIComponent(typed)}`);
    await waitFor(() => expect(asked().length).toBeGreaterThan(0));
    expect(lastQuery().search).toBe(search);
  });
});

describe("the summary", () => {
  test("counts each part, which filters when pressed", async () => {
    const { user } = open(address);
    for (const name of [/^Active 48$/, /^Suspended 3$/, /^Expiring within 14 days 2$/, /^Expired 4$/]) {
      expect(await part(name)).toHaveAttribute("aria-pressed", "false");
    }
    await user.click(await part(/^Unused for 90 days 7$/));
    await inAddress("?state=live&unused=90");
    expect(lastQuery()).toMatchObject({ live: "true", unused_for: String(90 * 86_400) });
    expect(await part(/^Unused/)).toHaveAttribute("aria-pressed", "true");
    await user.click(await part(/^Active/));
    await inAddress("?state=active&unused=90");
    expect(await part(/^Unused/)).toHaveAttribute("aria-pressed", "true");
    await user.click(await part(/^Active/));
    await user.click(await part(/^Expiring/));
    await inAddress("?state=live&unused=90&expires=14");
    await user.click(await part(/^Expired/));
    await inAddress("?state=expired");
    expect(await part(/^Unused/)).toHaveAttribute("aria-pressed", "false");
    await user.click(await part(/^Expired/));
    await inAddress("");
  });

  test("shows parts without tokens, and follows changes", async () => {
    network.on("GET /api_token/summary", one(summary({ suspended: 0 })));
    const { client } = open(address);
    expect(await part(/^Suspended 0$/)).toBeEnabled();
    network.on("GET /api_token/summary", one(summary({ suspended: 12_345 })));
    await client.invalidateQueries({ queryKey: ["tokens"] });
    expect(await part(/^Suspended 12,345$/)).toBeEnabled();
  });

  test("that fails to load leaves the list and the filters usable", async () => {
    network.on("GET /api_token/summary", failure(503, "unexpected", "The store is unavailable."));
    const { user } = open(address);
    await screen.findByText("2 tokens");
    expect(screen.queryByRole("alert")).not.toBeInTheDocument();
    await user.click(await part(/^Active/));
    await inAddress("?state=active");
  });
});

describe("the filters", () => {
  test("are chosen one by one, counted, and removed by their chips", async () => {
    const { user } = open(`${address}?page=2`);
    const panel = await openFilters(user);
    await user.selectOptions(within(panel).getByRole("combobox", { name: "Scope" }), "Environment");
    await inAddress("?scope=environment");
    const creator = within(panel).getByRole("combobox", { name: "Creator" });
    await within(creator).findByRole("option", { name: "Grace Hopper" });
    await user.selectOptions(creator, "Former members");
    await inAddress("?scope=environment&by=left");
    await user.keyboard("{Escape}");
    const button = await screen.findByRole("button", { name: "Filter, 2 active" });
    await waitFor(() => expect(button).toHaveFocus());
    expect(button).toHaveAttribute("aria-expanded", "false");
    await user.click(await part(/Remove filter: Scope: Environment/));
    await inAddress("?by=left");
    expect(button).toHaveFocus();
    await user.click(screen.getByRole("button", { name: "Clear filters" }));
    await inAddress("");
  });

  test("take days that are complete, without losing a year that is being typed", async () => {
    const { user } = open(address);
    const panel = await openFilters(user);
    const from = within(panel).getByLabelText("Created from");
    await user.type(from, "0202-01-31");
    expect(from).toHaveValue("0202-01-31");
    expect(window.location.search).toBe("");
    await user.clear(from);
    await user.type(from, "2026-01-31");
    await inAddress("?from=2026-01-31");
    await user.click(within(panel).getByRole("button", { name: "Clear filters" }));
    await waitFor(() => expect(from).toHaveValue(""));
  });

  test("say so if the days end before they begin", async () => {
    const { user } = open(`${address}?from=2026-01-31&to=2026-01-30`);
    const until = within(await openFilters(user)).getByLabelText("Created until");
    expect(until).toHaveAccessibleDescription("This is before “Created from”.");
    await user.clear(until);
    expect(until).not.toHaveAccessibleDescription();
  });

  test("whose choices fail to load say so, and the others work", async () => {
    network.on("GET /agent", failure(503, "unexpected", "The store is unavailable."));
    const { user } = open(address);
    const panel = await openFilters(user);
    expect(await within(panel).findByText("The store is unavailable.")).toBeInTheDocument();
    await user.selectOptions(within(panel).getByRole("combobox", { name: "Expires" }), "Within 7 days");
    await inAddress("?expires=7");
    await user.click(within(panel).getByRole("button", { name: "Done" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  });

  test("of an agent's page exclude the agent and the scope", async () => {
    network.on("GET /agent/:id", one(agent({ id: agentId })));
    network.on("GET /agent_deployment", list([]));
    network.on("GET /api_token", list([deploymentToken()]));
    const { user } = open(`/agents/${agentId}/deployments?agent=${idOf("oth")}&scope=account&state=active`);
    await screen.findByText("1 of 60 tokens");
    expect(lastQuery()).toMatchObject({
      agent_id: agentId,
      token_scope: "agent_deployment",
      state: "active",
    });
    const counted = sent.find(({ route }) => route === "GET /api_token/summary");
    expect(Object.fromEntries(counted?.query ?? [])).toEqual({
      agent_id: agentId,
      token_scope: "agent_deployment",
    });
    const panel = await openFilters(user);
    const names = within(panel)
      .getAllByRole("combobox")
      .map((field) => field.getAttribute("name"));
    expect(names).toEqual(["state", "env", "by", "expires", "unused"]);
  });
});

test("a new token shows at the top of the whole list, whatever was searched for", async () => {
  network.on("POST /api_token", { ...one(token({ id: "token-7", name: "Brand new" })), token: "secret" });
  const { user } = open(`${address}?q=ci&state=active&sort=name`);
  await screen.findByText("1 of 60 tokens");
  network.on("GET /api_token", list([token({ id: "token-7", name: "Brand new" }), ci]));
  await user.click(screen.getByRole("button", { name: "Create API token" }));
  await user.click(await screen.findByRole("button", { name: "Create token" }));
  await user.click(await screen.findByRole("button", { name: "Done" }));
  await user.click(await screen.findByRole("button", { name: "Close without copying" }));
  expect(await screen.findByRole("row", { name: /Brand new.*New/ })).toBeInTheDocument();
  await inAddress("");
});

test("an account without tokens has nothing to search", async () => {
  network.on("GET /api_token", list([]));
  open(address);
  await screen.findByRole("heading", { name: "No API tokens yet" });
  expect(screen.queryByRole("searchbox")).not.toBeInTheDocument();
});
