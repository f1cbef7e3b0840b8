import { expect, type Locator, type Page } from "@playwright/test";
import type { Api } from "./api";

/** The row of a token, found by a part of its text. */
export function tokenRow(page: Page, text: string | RegExp): Locator {
  return page.getByRole("row", { name: text });
}

/** Chooses from the menu of a row. */
export async function choose(row: Locator, action: string) {
  await row.getByRole("button", { name: /^Actions for/ }).click();
  await row.page().getByRole("menuitem", { name: action, exact: true }).click();
}

/** Types what the open question about a used token asks for, and says yes. */
export async function confirmInUse(page: Page, yes: string, hint: string) {
  const question = page.getByRole("alertdialog");
  const button = question.getByRole("button", { name: yes });
  await expect(button).toBeDisabled();
  await question.getByRole("textbox", { name: "Last four characters of the token" }).fill(hint);
  await button.click();
}

/** The entries of a row's menu. */
export async function actionsOf(row: Locator): Promise<string[]> {
  const page = row.page();
  await row.getByRole("button", { name: /^Actions for/ }).click();
  await expect(page.getByRole("menu")).toBeVisible();
  const offered = await page.getByRole("menuitem").allInnerTexts();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("menu")).toBeHidden();
  return offered;
}

/** Submits the open form for a new token and returns the secret that the dialog shows. */
export const submitNewToken = (page: Page) => submitForSecret(page, "Create token");

/** Submits the open form by its button and returns the secret that the dialog shows. */
export async function submitForSecret(page: Page, button: string): Promise<string> {
  await page.getByRole("dialog").getByRole("button", { name: button }).click();
  const value = page.getByRole("textbox", { name: "Token value" });
  await expect(value).toBeVisible();
  return value.inputValue();
}

/** Copies the secret by its button, and closes the dialog. */
export async function copyAndClose(page: Page) {
  const dialog = page.getByRole("dialog", { name: /^Save/ });
  await dialog.getByRole("button", { name: "Copy token" }).click();
  await expect(dialog.getByRole("status").filter({ hasText: "Copied" })).toBeAttached();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(dialog).toBeHidden();
}

/** Changes an active token's status through its row's menu, and checks the verdict after every change. */
export async function followLife(page: Page, row: Locator, secret: string, api: Api) {
  const expectPing = async (status: number) => expect((await api.ping(secret)).status).toBe(status);

  await expectPing(200);
  await expect(row).toContainText("Active");
  await expect(row).toContainText(/Last used (just now|\d+ seconds ago)/);

  const hint = secret.slice(-4);
  await choose(row, "Suspend");
  await confirmInUse(page, "Suspend token", hint);
  await expect(row).toContainText("Suspended");
  await expectPing(401);

  await choose(row, "Activate");
  await expect(row).toContainText("Active");
  await expectPing(200);

  const title = new RegExp(`…${hint}`);
  await choose(row, "Revoke");
  const revoke = page.getByRole("alertdialog", { name: "Revoke this token?" });
  await expect(revoke).toContainText(title);
  await expect(revoke).toContainText(/It was last used .+\./);
  await revoke.getByRole("button", { name: "Cancel" }).click();
  await expectPing(200);
  await choose(row, "Revoke");
  await confirmInUse(page, "Revoke token", hint);
  await expect(row).toContainText("Revoked");
  await expectPing(401);

  expect(await actionsOf(row)).toEqual(["Delete", "Copy ID"]);
  await choose(row, "Delete");
  const remove = page.getByRole("alertdialog", { name: "Delete this token?" });
  await expect(remove).toContainText(title);
  await expect(remove).toContainText(/It was last used .+\./);
  await confirmInUse(page, "Delete token", hint);
  await expect(row).toHaveCount(0);
  await expectPing(401);
}
