import type { Created } from "./api";
import { expect, test } from "./fixtures";
import { choose, copyAndClose, submitNewToken, tokenRow } from "./tokens";

test("an environment token created over the API is listed with its scope, and works", async ({
  page,
  api,
  signedIn: _,
}) => {
  const account = await api.create<Created>("/api_token", { token_scope: "account" });
  const environment_id = await api.environmentId("Development");
  const made = await api.create<Created>(
    "/api_token",
    { token_scope: "environment", environment_id },
    account.token,
  );

  await page.goto("/account/api-tokens");
  const row = tokenRow(page, /Environment \(Development\)/);
  await expect(row).toContainText(`…${made.details.hint}`);
  await expect(row).toContainText(`Created by API token …${account.details.hint}`);
  const validation = await api.validate(made.token);
  expect(validation.status).toBe(200);
  expect(validation.headers.get("X-Environment-Id")).toBe(environment_id);
});

test("the page offers no environment tokens", async ({ page, signedIn: _ }) => {
  await page.goto("/account/api-tokens");
  await page.getByRole("button", { name: "Create API token" }).click();
  const dialog = page.getByRole("dialog", { name: "Create API token" });
  await expect(dialog.getByRole("textbox")).toHaveCount(1);
  await expect(dialog.getByRole("textbox", { name: "Name" })).toBeVisible();
  await expect(dialog.getByRole("combobox")).toHaveCount(0);
  const choices = dialog.getByRole("radio");
  const expiries = dialog.getByRole("group", { name: "Expiry" }).getByRole("radio");
  const roles = dialog.getByRole("group", { name: "Access" }).getByRole("radio");
  expect(await choices.count()).toBe((await expiries.count()) + (await roles.count()));
  await submitNewToken(page);
  await copyAndClose(page);
  await expect(tokenRow(page, /Active Account/)).toHaveCount(1);
  await expect(page.getByText(/Environment \(/)).toHaveCount(0);
});

test("a revoke in one browser shows in another without a reload", async ({
  page,
  api,
  openBrowser,
  signedIn: _,
}) => {
  await api.create<Created>("/api_token", { token_scope: "account", name: "Shared" });
  const other = await openBrowser();
  for (const browser of [page, other]) {
    await browser.goto("/account/api-tokens");
    await expect(tokenRow(browser, /Shared/)).toContainText("Active");
  }
  // A reload would lose the mark.
  await other.evaluate(() => {
    document.body.dataset.mark = "kept";
  });

  await choose(tokenRow(page, /Shared/), "Revoke");
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke token" }).click();

  await expect(tokenRow(other, /Shared/)).toContainText("Revoked");
  await expect(other.locator("body")).toHaveAttribute("data-mark", "kept");
});
