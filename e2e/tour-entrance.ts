import { expect } from "@playwright/test";
import { founder } from "./api";
import { signIn } from "./sign-in";
import { failing, type Tour } from "./tour";

/** The pages outside the account: invite, profile, CLI, API reference. */
export async function entranceTour(given: Tour) {
  const { api } = given;
  await api.setUp();
  await invitePage(given);
  await profilePage(given);
  await commandLinePage(given);
  await apiPage(given);
}

async function invitePage({ page, api, problems, visit }: Tour) {
  const link = await api.invite("grace@acme.example");
  await failing({ page, problems }, /\/invite\/show/, async () => {
    await page.goto(link);
    await expect(page.getByRole("alert")).toHaveText([/does not answer/]);
    await visit("invite-error");
  });
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "Join Acme" })).toBeVisible();
  await visit("invite");
  await page.getByRole("button", { name: "Join Acme" }).click();
  await expect(page.getByText("Enter your name.")).toBeVisible();
  await visit("invite-incomplete");
  await page.reload();
  await expect(page.getByRole("heading", { name: "Open the invite again" })).toBeVisible();
  await visit("invite-again");
  problems.allow(/404 \(Not Found\)/);
  await page.goto(`${link}x`);
  await expect(page.getByRole("heading", { name: "This invite no longer works" })).toBeVisible();
  await visit("invite-dead");
  await page.goto("/sign-in?next=/profile");
  await signIn(page, founder);
  await expect(page.getByRole("heading", { name: "Profile" })).toBeVisible();
  await page.goto(link);
  await expect(page.getByText(`You are signed in as ${founder.email}.`)).toBeVisible();
  await visit("invite-signed-in");
}

async function profilePage({ page, problems, visit }: Tour) {
  await page.goto("/profile");
  await expect(page.getByRole("button", { name: "End all others" })).toBeVisible();
  await visit("profile");
  await page.getByRole("button", { name: "Edit" }).click();
  const edit = page.getByRole("dialog", { name: "Edit profile" });
  await expect(edit).toBeVisible();
  await visit("profile-edit");
  await edit.getByRole("textbox", { name: "Name" }).fill("Ada-Augusta-".repeat(8));
  await edit.getByRole("textbox", { name: "Job title" }).fill("Enchantress of numbers and first of her kind");
  await edit.getByRole("button", { name: "Save changes" }).click();
  await expect(edit).toBeHidden();
  await expect(page.getByText("Enchantress of numbers and first of her kind")).toBeVisible();
  await visit("profile-long");
  await page.getByRole("button", { name: "Change password" }).click();
  const password = page.getByRole("dialog", { name: "Change password" });
  await expect(password).toBeVisible();
  await visit("profile-password");
  problems.allow(/422 \(Unprocessable Entity\)/);
  await password.getByRole("textbox", { name: "Current password" }).fill("not the password at all");
  await password.getByRole("textbox", { name: "New password" }).fill("a new and longer password");
  await password.getByRole("button", { name: "Change password" }).click();
  await expect(password.getByText("Current password is wrong.")).toBeVisible();
  await visit("profile-password-wrong");
  await page.getByRole("button", { name: "Cancel" }).click();
  await failing({ page, problems }, /\/session\/all/, async () => {
    await page.reload();
    await expect(page.getByRole("alert")).toHaveText([/does not answer/]);
    await visit("profile-error");
  });
}

async function commandLinePage({ page, problems, visit }: Tour) {
  await page.goto("/cli/connect");
  const connect = page.getByRole("button", { name: "Connect the CLI" });
  await expect(connect).toBeVisible();
  await visit("cli");
  await failing({ page, problems }, /\/api_token$/, async () => {
    await connect.click();
    await expect(page.getByRole("alert")).toHaveText([/does not answer/]);
    await visit("cli-error");
  });
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("textbox", { name: "Token value" })).toBeVisible();
  await visit("cli-shown-once");
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Close without copying" }).click();
  await expect(page.getByRole("heading", { name: "Token created" })).toBeVisible();
  await visit("cli-connected");
}

async function apiPage({ page, visit }: Tour) {
  await page.goto("/docs");
  await expect(page.getByRole("heading", { level: 1, name: "API" })).toBeVisible();
  await page.getByText("Response", { exact: true }).first().click();
  await visit("docs");
}
