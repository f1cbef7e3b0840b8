import { expect, type Page } from "@playwright/test";

/** Fills in and submits the open sign-in page. */
export async function signIn(page: Page, { email, password }: { email: string; password: string }) {
  await page.getByRole("textbox", { name: "Email" }).fill(email);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Waits until the page leads to sign-in after its session has ended, and checks that sign-in leads back. */
export async function expectSignedOut(page: Page, from: string) {
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  expect(new URL(page.url()).searchParams.get("next")).toBe(from);
}
