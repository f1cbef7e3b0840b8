import type { Page } from "@playwright/test";
import type { Created } from "./api";
import { expect, test } from "./fixtures";
import { tabTo } from "./keyboard";
import { choose, tokenRow } from "./tokens";

const tab = "/account/api-tokens";
const menuOf = (page: Page, name: string) =>
  tokenRow(page, name).getByRole("button", { name: /^Actions for/ });

/** Chooses from the menu of a row by keyboard. */
async function chooseByKeys(page: Page, name: string, item: string) {
  await tabTo(page, menuOf(page, name));
  await page.keyboard.press("Enter");
  const entry = page.getByRole("menuitem", { name: item });
  await expect(entry).toBeVisible();
  for (let presses = 0; presses < 5; presses++) {
    if (await entry.evaluate((element) => element === document.activeElement)) break;
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
}

/** The server carries moves out, and their answers are lost. */
const loseAnswers = (page: Page) =>
  page.route(/\/api_token\/[^/]+\/(suspend|activate|revoke)$/, async (route) => {
    await route.fetch();
    await route.abort();
  });

test("a revoke whose answer is lost is announced as what it became", async ({
  page,
  api,
  problems,
  signedIn: _,
}) => {
  await api.create<Created>("/api_token", { token_scope: "account", name: "Nightly" });
  await page.goto(tab);
  await loseAnswers(page);
  problems.allow(/ERR_FAILED/);
  await choose(tokenRow(page, "Nightly"), "Revoke");
  await page.getByRole("button", { name: "Revoke token" }).click();
  await expect(page.getByText(/“Nightly” .* revoked\. It will never be accepted again\./)).toBeVisible();
  await expect(page.getByRole("alertdialog")).toBeHidden();
  await expect(tokenRow(page, "Nightly")).toContainText("Revoked");
});

test("a revoke of which nothing is known keeps its question, until the page knows more", async ({
  page,
  api,
  problems,
  signedIn: _,
}) => {
  await api.create<Created>("/api_token", { token_scope: "account", name: "Nightly" });
  await page.goto(tab);
  await chooseByKeys(page, "Nightly", "Revoke");
  const question = page.getByRole("alertdialog", { name: "Revoke this token?" });
  await tabTo(page, question.getByRole("textbox", { name: "Reason" }));
  await page.keyboard.type("leaked");
  await loseAnswers(page);
  problems.allow(/ERR_FAILED/);
  const reads = /\/api\/v1\/api_token(\?|\/[^/?]+$)/;
  await page.route(reads, (route) => route.abort());
  await tabTo(page, question.getByRole("button", { name: "Revoke token" }));
  await page.keyboard.press("Enter");
  await expect(question.getByRole("alert")).toContainText(
    "may not have been revoked. Tokentab can’t be reached.",
  );
  await expect(question.getByRole("textbox", { name: "Reason" })).toHaveValue("leaked");
  await expect(question.getByRole("button", { name: "Revoke token" })).toBeFocused();
  await page.unroute(reads);
  const over = page.getByRole("alertdialog", { name: "Already revoked" });
  await expect(over).toContainText("was revoked in the meantime.");
  await expect(over.getByRole("button", { name: "Close" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(over).toBeHidden();
  await expect(menuOf(page, "Nightly")).toBeFocused();
});

test("a question is over once someone else has answered it", async ({ page, api, problems, signedIn: _ }) => {
  const { details } = await api.create<Created>("/api_token", { token_scope: "account", name: "Nightly" });
  await page.goto(tab);
  await choose(tokenRow(page, "Nightly"), "Revoke");
  await expect(page.getByRole("button", { name: "Revoke token" })).toBeEnabled();
  await api.act(`/api_token/${details.id}/revoke`);
  const revoked = page.getByRole("alertdialog", { name: "Already revoked" });
  await expect(revoked.getByRole("button")).toHaveText(["Close"]);
  await page.keyboard.press("Enter");
  await expect(revoked).toBeHidden();
  await choose(tokenRow(page, "Nightly"), "Delete");
  await expect(page.getByRole("button", { name: "Delete token" })).toBeEnabled();
  problems.allow(/404 \(Not Found\)/); // the question asks for a token that has left the list
  await api.remove(`/api_token/${details.id}`);
  await expect(page.getByRole("alertdialog", { name: "Already deleted" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("alertdialog")).toBeHidden();
});
