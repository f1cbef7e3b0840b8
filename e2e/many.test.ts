import type { Page } from "@playwright/test";
import { expectAccessible } from "./accessible";
import type { Api, Created } from "./api";
import { expect, test } from "./fixtures";
import { tabTo } from "./keyboard";
import { tokenRow } from "./tokens";

const tab = "/account/api-tokens";

/** Creates "Token 1." and so on, the last one first in the list. */
async function someTokens(api: Api, amount: number): Promise<Created[]> {
  const made: Created[] = [];
  for (let at = 1; at <= amount; at++) {
    made.push(await api.create<Created>("/api_token", { token_scope: "account", name: `Token ${at}.` }));
  }
  return made;
}

const box = (page: Page, at: number) => page.getByRole("checkbox", { name: `Select “Token ${at}.”` });
const bar = (page: Page) => page.getByRole("region", { name: "Selected tokens" });
const press = (page: Page, name: string) => bar(page).getByRole("button", { name, exact: true }).click();
const report = (page: Page, name: string) => page.getByRole("dialog", { name, exact: true });

test("a range is suspended, reported, and undone for exactly its tokens", async ({
  page,
  api,
  signedIn: _,
}) => {
  const made = await someTokens(api, 6);
  const pings = () => Promise.all(made.map(async ({ token }) => (await api.ping(token)).status));
  await api.act(`/api_token/${made[2]?.details.id}/suspend`);
  await page.goto(tab);
  await expect(box(page, 6)).toHaveCSS("opacity", "0");
  await tokenRow(page, /Token 5\./).hover();
  await expect(box(page, 5)).toHaveCSS("opacity", "1");
  await box(page, 5).click();
  await box(page, 2).click({ modifiers: ["Shift"] });
  await expect(bar(page)).toContainText("4 selected");
  await expect(box(page, 6)).toHaveCSS("opacity", "1");
  await expect(bar(page).getByRole("button", { name: "Delete" })).toBeDisabled();

  await press(page, "Suspend");
  const question = report(page, "Suspend 3 of 4 tokens?");
  await expect(question.getByRole("listitem")).toHaveText([
    /3 active.*will be suspended/,
    /1 suspended.*skipped/,
  ]);
  expect(await pings(), "the question changes nothing").toEqual([200, 200, 401, 200, 200, 200]);
  await question.getByRole("button", { name: "Suspend 3 tokens" }).click();
  const done = report(page, "3 of 4 tokens suspended");
  await expect(done.getByRole("listitem").first()).toContainText("Token 3.");
  await expect(done.getByRole("listitem").first()).toContainText("Skipped: already suspended");
  expect(await pings()).toEqual([200, 401, 401, 401, 401, 200]);
  await done.getByRole("button", { name: "Done" }).click();
  await expect(bar(page)).toBeHidden();

  await page.getByRole("link", { name: "Agents" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByText("3 tokens activated again.")).toBeVisible();
  expect(await pings(), "the one suspended before stays so").toEqual([200, 200, 401, 200, 200, 200]);
});

test("all that match are revoked after their number is typed, then deleted", async ({
  page,
  api,
  signedIn: _,
}) => {
  const made = await someTokens(api, 53);
  await api.create("/api_token", { token_scope: "account", name: "Other" });
  await page.goto(`${tab}?q=token`);
  await page.getByRole("checkbox", { name: "Select all on this page" }).check();
  await expect(bar(page)).toContainText("50 selected");
  await page.getByRole("button", { name: "Next" }).click();
  await expect(bar(page), "paging keeps the selection").toContainText("50 selected");
  await press(page, "Select all 53 matching");
  await expect(bar(page)).toContainText("All 53 selected");
  await press(page, "Revoke");
  const question = report(page, "Revoke 53 tokens?");
  const yes = question.getByRole("button", { name: "Revoke 53 tokens" });
  await expect(yes).toBeDisabled();
  await question.getByRole("textbox", { name: "Type 53 to confirm" }).fill("53");
  await yes.click();
  await expect(report(page, "53 tokens revoked").getByRole("listitem").first()).toContainText(/Token \d+\./);
  await page.getByRole("button", { name: "Done" }).click();
  expect((await api.ping(made[0]?.token ?? "")).status).toBe(401);

  await page.goto(`${tab}?state=revoked`);
  await page.getByRole("checkbox", { name: "Select all on this page" }).check();
  await press(page, "Select all 53 matching");
  await press(page, "Delete");
  await page.getByRole("button", { name: "Delete 53 tokens" }).click();
  await expect(report(page, "53 tokens deleted")).toBeVisible();
  await page.getByRole("button", { name: "Done" }).click();
  await page.goto(tab);
  await expect(page.getByText("1 token", { exact: true })).toBeVisible();
  await expect(tokenRow(page, /Other/)).toBeVisible();
});

test("changes by others and lost answers are reported, and nothing is done twice", async ({
  page,
  api,
  problems,
  signedIn: _,
}) => {
  const made = await someTokens(api, 3);
  await page.goto(tab);
  await box(page, 3).click();
  await box(page, 1).click({ modifiers: ["Shift"] });
  await press(page, "Suspend");
  const yes = page.getByRole("button", { name: "Suspend 3 tokens" });
  await expect(yes).toBeVisible();
  await api.act(`/api_token/${made[0]?.details.id}/revoke`);
  // The server carries it out, and the answers are lost.
  problems.allow(/ERR_FAILED/);
  await page.route("**/api_token/bulk", async (route) => {
    await route.fetch();
    await route.abort();
  });
  await yes.click();
  const interrupted = report(page, "Interrupted");
  await expect(interrupted).toContainText("Known so far: no tokens suspended.");
  await page.unroute("**/api_token/bulk");
  await interrupted.getByRole("button", { name: "Try again" }).click();
  const done = report(page, "2 of 3 tokens suspended");
  await expect(done).toContainText("Skipped: 1 already revoked.");
  await done.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByText("2 tokens activated again.")).toBeVisible();
});

test("everything works by keyboard", async ({ page, api, signedIn: _ }) => {
  await someTokens(api, 4);
  await page.goto(tab);
  await tabTo(page, box(page, 4));
  await expect(box(page, 4)).toHaveCSS("opacity", "1");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Shift+Space");
  await expect(bar(page)).toContainText("3 selected");
  await page.keyboard.press("Shift+ArrowUp");
  await expect(bar(page)).toContainText("2 selected");
  await page.keyboard.press("Enter");
  await expect(bar(page).getByRole("button", { name: "Suspend" })).toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByRole("button", { name: "Suspend 2 tokens" }));
  await page.keyboard.press("Enter");
  const done = report(page, "2 tokens suspended");
  await tabTo(page, done.getByRole("region", { name: "Tokens" }));
  await tabTo(page, done.getByRole("button", { name: "Done" }));
  await page.keyboard.press("Escape");
  await expect(done).toBeHidden();
  await expect(tokenRow(page, /Token 3\./).getByRole("button", { name: /^Actions for/ })).toBeFocused();
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await expect(box(page, 3)).toBeFocused();
  await page.keyboard.press("Space");
  await expect(bar(page)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(bar(page)).toBeHidden();
  await expect(box(page, 3)).toBeFocused();
});

test.describe("on a narrow touch screen", () => {
  test.use({ viewport: { width: 320, height: 568 }, hasTouch: true });

  test("the bar and its dialogs fit, and move nothing", async ({ page, api, signedIn: _ }) => {
    await someTokens(api, 52);
    await page.goto(tab);
    const first = tokenRow(page, /Token 52\./);
    await expect(box(page, 52)).toHaveCSS("opacity", "1");
    await box(page, 52).scrollIntoViewIfNeeded(); // as a tap would
    const before = await first.boundingBox();
    await box(page, 52).tap();
    await expect(bar(page)).toBeInViewport({ ratio: 1 });
    expect(await first.boundingBox()).toEqual(before);
    await press(page, "Select all 52 matching");
    await expectNoOverflow(page);
    await press(page, "Revoke");
    await expect(page.getByRole("textbox", { name: "Type 52 to confirm" })).toBeVisible();
    await expectNoOverflow(page);
    await page.getByRole("button", { name: "Cancel" }).tap();
    await press(page, "Suspend");
    await page.getByRole("button", { name: "Suspend 52 tokens" }).tap();
    await expect(report(page, "52 tokens suspended")).toBeVisible();
    await expectNoOverflow(page);
    await page.getByRole("button", { name: "Done" }).tap();
    await expect(page.getByRole("button", { name: "Undo" })).toBeInViewport({ ratio: 1 });
    await expectNoOverflow(page);
  });

  test("the bar fits beside the number of very many tokens", async ({ page, api, signedIn: _ }) => {
    await someTokens(api, 52);
    await page.route("**/api/v1/api_token?*", async (route) => {
      const { "if-none-match": _known, ...headers } = route.request().headers();
      const response = await route.fetch({ headers });
      const answer = await response.json();
      answer.pagination.item_count = 10_007;
      await route.fulfill({ response, json: answer });
    });
    await page.goto(tab);
    await page.getByRole("checkbox", { name: "Select all on this page" }).tap();
    await expect(bar(page)).toContainText("50 selected on this page");
    await expect(bar(page).getByRole("button", { name: "Select all 10,007 matching" })).toBeVisible();
    await expect(bar(page)).toBeInViewport({ ratio: 1 });
    await expectNoOverflow(page);
  });
});

async function expectNoOverflow(page: Page) {
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(await wide()).toBeLessThanOrEqual(0);
}

test("the bar, its dialogs and its message are accessible in both themes", async ({
  page,
  api,
  problems,
  signedIn: _,
}) => {
  await someTokens(api, 3);
  await page.goto(tab);
  await page.getByRole("checkbox", { name: "Select all on this page" }).check();
  await expect(bar(page)).toBeVisible();
  await expectAccessible(page);
  await press(page, "Revoke");
  await expect(page.getByRole("textbox", { name: "Type 3 to confirm" })).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await press(page, "Suspend");
  const suspend = page.getByRole("button", { name: "Suspend 3 tokens" });
  await expect(suspend).toBeEnabled(); // the count has come, from the same address
  await page.route("**/api_token/bulk", (route) => route.abort());
  problems.allow(/ERR_FAILED/);
  await suspend.click();
  await expect(report(page, "Interrupted")).toBeVisible();
  await expectAccessible(page);
  await page.unroute("**/api_token/bulk");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(report(page, "3 tokens suspended")).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Undo" })).toBeVisible();
  await expectAccessible(page);
});
