import type { Created } from "./api";
import { expect, test } from "./fixtures";

test("a personal account has no organisation, and a new name shows everywhere", async ({
  page,
  signedIn: _,
}) => {
  await page.goto("/account/details");
  await page.getByRole("button", { name: "Edit" }).click();
  const dialog = page.getByRole("dialog", { name: "Edit account" });
  await dialog.getByRole("textbox", { name: "Organisation name" }).fill("Acme Incorporated");
  await dialog.getByRole("textbox", { name: "Website" }).fill("https://acme.example/");
  await dialog.getByRole("textbox", { name: "Account name" }).fill("Roadrunner");
  await dialog.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByText("Acme Incorporated")).toBeVisible();
  await expect(page.getByRole("link", { name: "https://acme.example/" })).toBeVisible();
  await expect(page.getByRole("banner").getByText("Roadrunner")).toBeVisible();

  await page.getByRole("button", { name: "Edit" }).click();
  await dialog.getByRole("combobox", { name: "Purpose" }).selectOption("Personal");
  await expect(dialog.getByRole("textbox", { name: "Organisation name" })).toHaveCount(0);
  await dialog.getByRole("button", { name: "Save changes" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText("Organisation name")).toHaveCount(0);
  await expect(page.getByText("Personal", { exact: true })).toBeVisible();
});

test("deleting an account requires its name, counts its contents, and every token is refused at once", async ({
  page,
  server,
  api,
  problems,
  signedIn: _,
}) => {
  const { token } = await api.create<Created>("/api_token", { token_scope: "account" });
  await api.create("/agent", { name: "Invoice reader" });
  expect((await api.ping(token)).status).toBe(200);

  await page.goto("/account/details");
  await page.getByRole("button", { name: "Delete account" }).click();
  const question = page.getByRole("alertdialog", { name: "Delete this account?" });
  await expect(question.getByRole("listitem")).toHaveText([
    "1 member",
    "2 environments",
    "1 agent",
    "1 API token",
  ]);
  const typed = question.getByRole("textbox", { name: "Type the account’s name to confirm" });
  const yes = question.getByRole("button", { name: "Delete account" });
  await expect(yes).toBeDisabled();
  await typed.fill("acme");
  await expect(yes, "a name is not almost right").toBeDisabled();
  await typed.fill("Acme");
  // The page may be polling when its session ends.
  problems.tolerate(/401 \(Unauthorized\)/);
  await yes.click();
  await expect(page).toHaveURL(new RegExp(`^${server.origin}/(setup|sign-in)`));
  expect((await api.ping(token)).status).toBe(401);
});
