import { expect, type Page } from "@playwright/test";

/** Fills in and sends the sign-in page that is open. */
export async function signIn(page: Page, { email, password }: { email: string; password: string }) {
  await page.getByRole("textbox", { name: "Email" }).fill(email);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Waits until the page notices that its session ended, and that sign-in leads back to it. */
export async function expectSignedOut(page: Page, from: string) {
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  expect(new URL(page.url()).searchParams.get("next")).toBe(from);
}
