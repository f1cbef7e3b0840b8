import type { Page } from "@playwright/test";
import { founder } from "./api";
import { expect, test } from "./fixtures";
import { expectSignedOut, signIn } from "./sign-in";

async function changePassword(page: Page, current: string, next: string) {
  const dialog = page.getByRole("dialog", { name: "Change password" });
  await dialog.getByRole("textbox", { name: "Current password" }).fill(current);
  await dialog.getByRole("textbox", { name: "New password" }).fill(next);
  await dialog.getByRole("button", { name: "Change password" }).click();
}

test("a new password requires the old one and ends every other session", async ({
  page,
  openBrowser,
  problems,
  signedIn: _,
}) => {
  const other = await openBrowser();
  await other.goto("/agents");
  await expect(other.getByRole("heading", { name: "No agents yet" })).toBeVisible();

  await page.goto("/profile");
  await page.getByRole("button", { name: "Change password" }).click();
  problems.allow(/422 \(Unprocessable Entity\)/);
  await changePassword(page, "not the password at all", "a new and longer password");
  const dialog = page.getByRole("dialog", { name: "Change password" });
  await expect(dialog.getByRole("textbox", { name: "Current password" })).toHaveAccessibleDescription(
    "Current password is wrong.",
  );
  await expect(other.getByRole("heading", { name: "No agents yet" })).toBeVisible();

  problems.tolerate(/401 \(Unauthorized\)/); // unless the page asks for its session first, which is no error
  await changePassword(page, founder.password, "a new and longer password");
  await expect(page.getByText("Password changed. Your other sessions have ended.")).toBeVisible();
  await expectSignedOut(other, "/agents");
  await expect(page.getByRole("table", { name: "Sessions" }).getByRole("row")).toHaveCount(2);

  await signIn(other, founder);
  await expect(other.getByRole("alert")).toHaveText("The email or the password is wrong.");
  await signIn(other, { ...founder, password: "a new and longer password" });
  await expect(other.getByRole("heading", { level: 1, name: "Agents" })).toBeVisible();
});

test("a session ended from the list leads to sign-in, and this one continues", async ({
  page,
  context,
  openBrowser,
  problems,
  signedIn: _,
}) => {
  const other = await openBrowser();
  await other.goto("/agents");
  await page.goto("/profile");
  const rows = page.getByRole("table", { name: "Sessions" }).getByRole("row");
  // The head, this browser, the other one, and the script that set up the server.
  await expect(rows).toHaveCount(4);
  await expect(rows.filter({ hasText: "This session" })).toHaveCount(1);

  problems.tolerate(/401 \(Unauthorized\)/); // unless the other page asks for its session first
  const browser = rows.filter({ hasText: "Chrome" }).filter({ hasNotText: "This session" });
  await browser.getByRole("button", { name: /^End the session of/ }).click();
  await expect(page.getByText("Session ended.")).toBeVisible();
  await expectSignedOut(other, "/agents");

  await page.getByRole("button", { name: "End all others" }).click();
  await expect(page.getByText("1 other session ended.")).toBeVisible();
  await expect(rows).toHaveCount(2);
  expect((await context.request.get("/api/v1/api_token")).status()).toBe(200);
});
