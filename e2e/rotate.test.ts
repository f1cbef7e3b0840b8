import type { Created } from "./api";
import { expect, test } from "./fixtures";
import { tabTo } from "./keyboard";
import { actionsOf, choose, copyAndClose, submitForSecret, tokenRow } from "./tokens";

const address = "/account/api-tokens";

test("a rotated token has two secrets until the old one is ended", async ({ page, api, signedIn: _ }) => {
  const made = await api.create<Created>("/api_token", { token_scope: "account", name: "Nightly build" });
  await page.goto(address);
  const row = tokenRow(page, /Nightly build/);
  await choose(row, "Rotate");
  const second = await submitForSecret(page, "Rotate token");
  expect(second).not.toBe(made.token);
  await copyAndClose(page);
  await expect(row).toContainText(`Old …${made.details.hint}: not used since the rotation.`);
  await expect(row).toContainText(`…${second.slice(-4)}`);
  for (const secret of [made.token, second]) expect((await api.ping(secret)).status).toBe(200);

  await choose(row, "End old secret");
  await page.getByRole("alertdialog").getByRole("button", { name: "End old secret" }).click();
  await expect(row).not.toContainText("Two secrets");
  expect((await api.ping(made.token)).status).toBe(401);
  expect((await api.ping(second)).status).toBe(200);
  expect(await actionsOf(row)).not.toContain("End old secret");
});

test("an expiring token is renewed by keyboard alone", async ({ page, api, signedIn: _ }) => {
  const made = await api.create<Created>("/api_token", {
    token_scope: "account",
    name: "Old laptop",
    expires_in: 3 * 86_400,
  });
  await page.goto(address);
  const row = tokenRow(page, /Old laptop/);
  await expect(row).toContainText("Expires in 3 days");
  await tabTo(page, row.getByRole("button", { name: /^Actions for/ }));
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Renew" }).press("Enter");
  await tabTo(page, page.getByRole("radio", { name: "24 hours" }));
  await page.keyboard.press("Home");
  await page.getByRole("radio", { name: "24 hours" }).press("ArrowLeft");
  await expect(page.getByRole("radio", { name: "1 hour" })).toBeChecked();
  await tabTo(page, page.getByRole("button", { name: "Renew token" }));
  await page.keyboard.press("Enter");
  const value = page.getByRole("textbox", { name: "Token value" });
  await expect(value).toBeFocused();
  const second = await value.inputValue();
  await page.keyboard.press("Escape");
  await tabTo(page, page.getByRole("button", { name: "Close without copying" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(row).toContainText("Expires in 12 months");
  await expect(row.getByRole("button", { name: /^Actions for/ })).toBeFocused();
  for (const secret of [made.token, second]) expect((await api.ping(secret)).status).toBe(200);
});
