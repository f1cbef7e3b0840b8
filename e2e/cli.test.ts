import { founder } from "./api";
import { expect, test } from "./fixtures";
import { signIn } from "./sign-in";
import { copyAndClose, tokenRow } from "./tokens";

test("the page that the CLI opens leads through sign-in to its own token, shown once", async ({
  page,
  context,
  server,
  api,
  signedIn: _,
}) => {
  await context.clearCookies();
  await page.goto("/cli/connect");
  await expect(page).toHaveURL(`${server.origin}/sign-in?next=${encodeURIComponent("/cli/connect")}`);
  await signIn(page, founder);
  await expect(page.getByRole("heading", { name: "Connect the CLI" })).toBeVisible();
  await expect(page).toHaveURL(`${server.origin}/cli/connect`);
  expect(await api.list("/api_token"), "nothing is made before the word is given").toEqual([]);

  await page.getByRole("button", { name: "Connect the CLI" }).click();
  const value = page.getByRole("textbox", { name: "Token value" });
  await expect(value).toBeVisible();
  const secret = await value.inputValue();
  await copyAndClose(page);
  await expect(page.getByRole("heading", { name: "Token created" })).toBeVisible();
  expect(await page.content()).not.toContain(secret);
  expect((await api.ping(secret)).status).toBe(200);

  await page.getByRole("link", { name: "API tokens" }).click();
  const row = tokenRow(page, /Prefactor CLI/);
  await expect(row).toContainText("Active");
  await expect(row).toContainText(`…${secret.slice(-4)}`);
});
