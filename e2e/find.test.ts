import type { Page } from "@playwright/test";
import type { Api, Created } from "./api";
import { expect, test } from "./fixtures";
import { tabTo } from "./keyboard";
import { choose, copyAndClose, submitNewToken, tokenRow } from "./tokens";

const tab = "/account/api-tokens";

interface Made {
  agentId: string;
  nightly: Created;
  reader: Created;
}

/** Six tokens: of every scope, used and unused, suspended, revoked and about to expire. */
async function someTokens(api: Api): Promise<Made> {
  const create = (details: object) => api.create<Created>("/api_token", details);
  const agent = await api.create<{ details: { id: string } }>("/agent", { name: "Invoice reader" });
  const production = await api.environmentId("Production");
  const development = await api.environmentId("Development");
  const nightly = await create({ token_scope: "account", name: "Nightly build" });
  const audit = await create({ token_scope: "account", name: "Audit" });
  const laptop = await create({ token_scope: "account", name: "Old laptop" });
  await create({ token_scope: "environment", environment_id: development, name: "Sandbox" });
  const reader = await create({
    token_scope: "agent_deployment",
    agent_id: agent.details.id,
    environment_id: production,
  });
  await create({ token_scope: "account", name: "Trial", expires_in: 3 * 86_400 });
  await api.act(`/api_token/${audit.details.id}/suspend`);
  await api.act(`/api_token/${laptop.details.id}/revoke`);
  await api.ping(nightly.token);
  return { agentId: agent.details.id, nightly, reader };
}

const search = (page: Page) => page.getByRole("searchbox", { name: "Search tokens" });
const part = (page: Page, label: string) => page.getByRole("button", { name: new RegExp(`^${label}`) });

/** Expects exactly these rows, in any order. */
async function expectRows(page: Page, ...names: RegExp[]) {
  await expect(
    page.getByRole("row").filter({ has: page.getByRole("button", { name: /^Actions for/ }) }),
  ).toHaveCount(names.length);
  for (const name of names) await expect(tokenRow(page, name)).toBeVisible();
}

test("a token is found by a part of its name, its last four characters, its id, or its agent", async ({
  page,
  api,
  signedIn: _,
}) => {
  const { nightly, reader } = await someTokens(api);
  await page.goto(tab);
  await expect(page.getByText("6 tokens")).toBeVisible();
  for (const [text, row] of [
    ["GHTLY", /Nightly build/],
    [nightly.details.hint, /Nightly build/],
    [`…${nightly.details.hint}`, /Nightly build/],
    [reader.details.id, /Invoice reader · Production/],
    ["voice read", /Invoice reader · Production/],
  ] as const) {
    await search(page).fill(text);
    await expect(page.getByText("1 of 6 tokens")).toBeVisible();
    await expectRows(page, row);
    await search(page).press("Escape");
    await expectRows(page, /Nightly/, /Audit/, /Old laptop/, /Sandbox/, /Invoice reader/, /Trial/);
  }
});

test("the id in a row's menu, copied, finds its token", async ({ page, api, signedIn: _ }) => {
  await someTokens(api);
  await page.goto(tab);
  await choose(tokenRow(page, /Nightly build/), "Copy ID");
  await expect(page.getByText(/^ID of “Nightly build” \(….{4}\) copied\.$/)).toBeVisible();
  await page.keyboard.press("/");
  await expect(search(page)).toBeFocused();
  await page.keyboard.press("ControlOrMeta+V");
  await expectRows(page, /Nightly build/);
});

test("each filter limits the list, is in the address, and survives a reload", async ({
  page,
  api,
  openStranger,
  signedIn: _,
}) => {
  const { agentId } = await someTokens(api);
  await tokenOfSomeoneWhoLeft(api, await openStranger());
  const [own] = await api.list<{ id: string }>("/admin_user");
  const today = new Date().toISOString().slice(0, 10);
  const all = [/Nightly/, /Audit/, /Old laptop/, /Sandbox/, /Invoice reader/, /Trial/, /Abandoned/];
  await page.goto(tab);
  for (const [label, option, address, ...rows] of [
    ["Status", "Suspended", "?state=suspended", /Audit/],
    ["Status", "Revoked", "?state=revoked", /Old laptop/],
    ["Scope", "Environment", "?scope=environment", /Sandbox/],
    ["Scope", "Agent deployment", "?scope=agent_deployment", /Invoice reader/],
    ["Environment", "Production", `?env=${await api.environmentId("Production")}`, /Invoice reader/],
    ["Agent", "Invoice reader", `?agent=${agentId}`, /Invoice reader/],
    ["Creator", "Ada Lovelace", `?by=${own?.id}`, ...all.slice(0, -1)],
    ["Creator", "Former members", "?by=left", /Abandoned/],
    ["Expires", "Within 7 days", "?expires=7", /Trial/],
    ["Last used", "Never used", "?unused=never", ...all.slice(1)],
    ["Last used", "Unused for 7 days", "?unused=7"],
    ["Created from", today, `?from=${today}`, ...all],
    ["Created until", "2020-01-01", "?to=2020-01-01"],
  ] as [string, string, string, ...RegExp[]][]) {
    await page.getByRole("button", { name: "Filter", exact: true }).click();
    const field = page.getByRole("dialog", { name: "Filter" }).getByLabel(label, { exact: true });
    if (label.startsWith("Created")) await field.fill(option);
    else await field.selectOption(option);
    await expect(page).toHaveURL(tab + address);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toBeHidden();
    await expectRows(page, ...rows);
    await page.reload();
    await expect(page.getByText(`${rows.length} of 7 tokens`)).toBeVisible();
    await expectRows(page, ...rows);
    await page.getByRole("button", { name: "Clear filters" }).click();
    await expect(page).toHaveURL(tab);
  }
});

/** A member creates a token and is removed. */
async function tokenOfSomeoneWhoLeft(api: Api, stranger: Page) {
  const email = "grace@acme.example";
  const password = "battery horse correct";
  await api.join(await api.invite(email), { name: "Grace Hopper", password });
  const { request } = stranger.context();
  const headers = { Origin: api.origin };
  const post = async (path: string, details: object) =>
    expect((await request.post(`${api.origin}/api/v1${path}`, { headers, data: { details } })).status()).toBe(
      200,
    );
  await post("/session", { email, password });
  await post("/api_token", { token_scope: "account", name: "Abandoned" });
  const members = await api.list<{ id: string; email: string }>("/admin_user");
  const grace = members.find((member) => member.email === email);
  await api.act(`/admin_user/${grace?.id}/remove`);
}

test("the parts of the summary count and filter, and Back undoes them one by one", async ({
  page,
  api,
  signedIn: _,
}) => {
  await someTokens(api);
  await api.create("/api_token", { token_scope: "account", name: "Spent", expires_in: 1 });
  await page.goto(tab);
  for (const [label, amount, ...rows] of [
    ["Active", 4, /Nightly/, /Sandbox/, /Invoice reader/, /Trial/],
    ["Suspended", 1, /Audit/],
    ["Expiring", 1, /Trial/],
    ["Unused", 0],
    ["Expired", 1, /Spent/],
  ] as [string, number, ...RegExp[]][]) {
    const toggle = part(page, label);
    await expect(toggle).toHaveAccessibleName(new RegExp(` ${amount}$`));
    await toggle.click();
    await expect(toggle).toHaveAttribute("aria-pressed", "true");
    await expectRows(page, ...rows);
    await page.goBack();
    await expect(toggle).toHaveAttribute("aria-pressed", "false");
    await expect(page).toHaveURL(tab);
  }
  await page.goForward();
  await expect(part(page, "Expired")).toHaveAttribute("aria-pressed", "true");
});

test("Back leaves a search, and a link to it shows the same list", async ({
  page,
  api,
  openBrowser,
  signedIn: _,
}) => {
  await someTokens(api);
  await page.goto(tab);
  await search(page).pressSequentially("audit", { delay: 40 });
  await expect(page).toHaveURL(`${tab}?q=audit`);
  await page.getByRole("combobox", { name: "Sort" }).selectOption("Name, A to Z");
  await expect(page).toHaveURL(`${tab}?q=audit&sort=name`);
  const other = await openBrowser();
  await other.goto(page.url());
  await expectRows(other, /Audit/);
  await expect(search(other)).toHaveValue("audit");
  await page.goBack();
  await expect(page).toHaveURL(`${tab}?q=audit`);
  await page.goBack();
  await expect(page).toHaveURL(tab);
  await expect(search(page)).toHaveValue("");
  await page.goForward();
  await expectRows(page, /Audit/);
});

test("everything is found by keyboard, and nothing found is said", async ({ page, api, signedIn: _ }) => {
  await someTokens(api);
  await page.goto(tab);
  await expect(tokenRow(page, /Nightly/)).toBeVisible();
  await page.keyboard.press("/");
  await expect(search(page)).toBeFocused();
  await page.keyboard.type("no such/token");
  await expect(page.getByRole("heading", { name: "No tokens match" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(tokenRow(page, /Nightly/)).toBeVisible();
  await expect(search(page)).toBeFocused();

  const filter = page.getByRole("button", { name: /^Filter/ });
  await tabTo(page, filter);
  await page.keyboard.press("Enter");
  const status = page.getByRole("combobox", { name: "Status" });
  await expect(status).toBeFocused();
  await page.keyboard.type("Susp");
  await expectRows(page, /Audit/);
  await page.keyboard.press("Escape");
  await expect(filter).toBeFocused();
  await expect(part(page, "Suspended")).toHaveAttribute("aria-pressed", "true");
  await tabTo(page, part(page, "Expired"));
  await page.keyboard.press("Space");
  await expect(page.getByRole("heading", { name: "No tokens match" })).toBeVisible();
  await tabTo(page, page.getByRole("main").getByRole("button", { name: "Clear filters" }));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(tab);
  await expect(page.getByText("6 tokens")).toBeVisible();
  await expect(filter).toBeFocused();

  await tabTo(page, part(page, "Active"));
  await page.keyboard.press("Enter");
  await expectRows(page, /Nightly/, /Sandbox/, /Invoice reader/, /Trial/);
  const actions = tokenRow(page, /Trial/).getByRole("button", { name: /^Actions for/ });
  await tabTo(page, actions);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "Suspend" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expectRows(page, /Nightly/, /Sandbox/, /Invoice reader/);
  await expect(
    tokenRow(page, /Invoice reader/).getByRole("button", { name: /^Actions for/ }),
    "the row in its place",
  ).toBeFocused();
});

test("rows created while one pages neither repeat nor hide others", async ({ page, api, signedIn: _ }) => {
  const create = (name: string) => api.create("/api_token", { token_scope: "account", name });
  for (let at = 60; at > 0; at--) await create(`Token ${at}.`);
  // No poll adds the new ones to the page before it is left.
  const first = "**/api/v1/api_token?*offset%5D=0*";
  let asked = 0;
  await page.route(first, (route) => (asked++ ? route.fulfill({ status: 304 }) : route.continue()));
  await page.goto(tab);
  await expect(tokenRow(page, /Token 50\./)).toBeVisible();
  await create("Late 1");
  await create("Late 2");
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText("53–62 of 62")).toBeVisible();
  await expectRows(page, ...Array.from({ length: 10 }, (_none, at) => new RegExp(`Token ${at + 51}\\.`)));
  await page.unroute(first);
  await page.reload();
  await expect(page.getByText("53–62 of 62")).toBeVisible();
  await page.getByRole("button", { name: "Previous" }).click();
  await expect(tokenRow(page, /Late 2/)).toBeVisible();
  await page.goto(`${tab}?page=2`);
  await expect(page.getByText("51–62 of 62")).toBeVisible();
});

test("a new token shows although the list was searched", async ({ page, api, signedIn: _ }) => {
  await someTokens(api);
  await page.goto(`${tab}?q=audit&sort=name`);
  await expectRows(page, /Audit/);
  await page.getByRole("button", { name: "Create API token" }).click();
  await page.getByRole("textbox", { name: /^Name/ }).fill("Brand new");
  await submitNewToken(page);
  await copyAndClose(page);
  await expect(tokenRow(page, /Brand new.*New/)).toBeInViewport();
  await expect(page).toHaveURL(tab);
});

test("an agent's page finds only its own tokens", async ({ page, api, signedIn: _ }) => {
  const { agentId } = await someTokens(api);
  await page.goto(`/agents/${agentId}/deployments?agent=${"0".repeat(31)}1&scope=account`);
  await expectRows(page, /Invoice reader/);
  await expect(page.getByText("1 token", { exact: true })).toBeVisible();
  await expect(part(page, "Active")).toHaveAccessibleName("Active 1");
  await page.getByRole("button", { name: "Filter" }).click();
  const panel = page.getByRole("dialog", { name: "Filter" });
  await expect(panel.getByRole("combobox", { name: "Status" })).toBeVisible();
  await expect(panel.getByRole("combobox", { name: "Agent" })).toHaveCount(0);
  await expect(panel.getByRole("combobox", { name: "Scope" })).toHaveCount(0);
});

test.describe("on a narrow touch screen", () => {
  test.use({ viewport: { width: 320, height: 568 }, hasTouch: true });

  test("search, filters and chips fit, and work by touch", async ({ page, api, signedIn: _ }) => {
    const { agentId } = await someTokens(api);
    await page.goto(`${tab}?agent=${agentId}&scope=agent_deployment&unused=never&q=${"w".repeat(200)}`);
    await expect(page.getByRole("heading", { name: "No tokens match" })).toBeVisible();
    await expectNoOverflow(page);
    await page.getByRole("button", { name: "Clear search" }).tap();
    await expectRows(page, /Invoice reader/);
    await page.getByRole("button", { name: "Remove filter: Never used" }).tap();
    await page.getByRole("button", { name: "Filter, 2 active" }).tap();
    const panel = page.getByRole("dialog", { name: "Filter" });
    await panel.getByLabel("Created until").scrollIntoViewIfNeeded();
    await expect(panel.getByLabel("Created until")).toBeInViewport();
    await expectNoOverflow(page);
    await panel.getByRole("button", { name: "Clear filters" }).tap();
    await panel.getByRole("button", { name: "Done" }).tap();
    await expect(panel).toBeHidden();
    await expect(page.getByText("6 tokens")).toBeVisible();
  });
});

async function expectNoOverflow(page: Page) {
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(await wide()).toBeLessThanOrEqual(0);
}
