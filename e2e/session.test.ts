import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "@playwright/test";
import { founder } from "./api";
import { expect, test } from "./fixtures";
import config from "./playwright.config";
import { signIn } from "./sign-in";
import { copyAndClose, tokenRow } from "./tokens";

async function signOut(page: Page) {
  await page.getByRole("button", { name: `Account menu of ${founder.name}` }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
}

test("signing out ends the session, also for a copy of its cookie", async ({
  page,
  context,
  server,
  problems,
  signedIn: _,
}) => {
  problems.tolerate(/401 \(Unauthorized\)/); // the page may hear that its session has ended before the answer comes
  await page.goto("/account/api-tokens");
  await expect(page.getByRole("heading", { level: 1, name: "Account" })).toBeVisible();
  const cookies = await context.cookies();
  expect(cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite }))).toEqual([
    { httpOnly: true, sameSite: "Lax" },
    { httpOnly: true, sameSite: "Lax" },
  ]);
  await signOut(page);
  const kept = await context.cookies();
  expect(kept).toEqual([expect.objectContaining({ name: expect.stringContaining("browser") })]);
  await context.addCookies(cookies);
  const answer = await context.request.get(`${server.origin}/api/v1/api_token`);
  expect(answer.status()).toBe(401);
});

test("a wrong password is reported, and the right one leads to the requested page", async ({
  page,
  context,
  server,
  problems,
  signedIn: _,
}) => {
  await context.clearCookies();
  await page.goto("/agents?page=1");
  await expect(page).toHaveURL(`${server.origin}/sign-in?next=${encodeURIComponent("/agents?page=1")}`);

  problems.allow(/401 \(Unauthorized\)/);
  await signIn(page, { ...founder, password: "not the password at all" });
  await expect(page.getByRole("alert")).toHaveText("The email or the password is wrong.");
  await expect(page.getByRole("textbox", { name: "Email" })).toHaveValue(founder.email);

  await signIn(page, founder);
  await expect(page.getByRole("heading", { level: 1, name: "Agents" })).toBeVisible();
  await expect(page).toHaveURL(`${server.origin}/agents?page=1`);
});

test("after signing in, next leads to no other site", async ({ page, context, server, signedIn: _ }) => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await context.clearCookies();
  await page.goto(`/sign-in?next=${encodeURIComponent("//evil.example/")}`);
  await signIn(page, founder);
  await expect(page.getByRole("heading", { level: 1, name: "Account" })).toBeVisible();
  await expect(page).toHaveURL(`${server.origin}/account/api-tokens`);

  // The same rule applies to signed-in users.
  for (const next of [
    "//evil.example/",
    "https://evil.example/",
    "/\\evil.example",
    "/\t/evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
  ]) {
    await page.goto(`/sign-in?next=${encodeURIComponent(next)}`);
    await expect(page.getByRole("heading", { level: 1, name: "Account" })).toBeVisible();
    await expect(page).toHaveURL(`${server.origin}/account/api-tokens`);
  }
  expect(asked.filter((url) => !url.startsWith(`${server.origin}/`))).toEqual([]);
});

test("a session ended by another browser leads to sign-in and back", async ({
  page,
  context,
  server,
  problems,
  signedIn: _,
}) => {
  await page.goto("/agents");
  await expect(page.getByRole("heading", { name: "No agents yet" })).toBeVisible();
  problems.tolerate(/401 \(Unauthorized\)/); // unless the page asks for its session first, which is no error
  const answer = await context.request.delete(`${server.origin}/api/v1/session`, {
    headers: { Origin: server.origin },
  });
  expect(answer.status()).toBe(200);
  await expect(page).toHaveURL(`${server.origin}/sign-in?next=${encodeURIComponent("/agents")}`);
  await signIn(page, founder);
  await expect(page.getByRole("heading", { level: 1, name: "Agents" })).toBeVisible();
});

test("a form sends nothing as another user who has signed in in another tab", async ({
  page,
  context,
  api,
  problems,
  signedIn: _,
}) => {
  const grace = { email: "grace@acme.example", name: "Grace Hopper", password: "a moth in the relay" };
  await api.join(await api.invite(grace.email), grace);
  await page.goto("/account/api-tokens");
  await page.getByRole("button", { name: "Create API token" }).first().click();
  const form = page.getByRole("dialog", { name: "Create API token" });
  await form.getByRole("textbox", { name: "Name" }).fill("Of Ada");
  const { email, password } = grace;
  const other = await context.request.post("/api/v1/session", {
    data: { details: { email, password } },
    headers: { "Sec-Fetch-Site": "same-origin" },
  });
  expect(other.status()).toBe(200);
  problems.allow(/401 \(Unauthorized\)/);
  await form.getByRole("button", { name: "Create token" }).click();
  const again = page.getByRole("alertdialog", { name: "Your session has ended" });
  await expect(again.getByRole("textbox", { name: "Email" })).toHaveValue(founder.email);
  await again.getByRole("textbox", { name: "Password" }).fill(founder.password);
  await page.keyboard.press("Enter");
  await form.getByRole("button", { name: "Create token" }).click();
  await copyAndClose(page);
  await expect(tokenRow(page, "Of Ada")).toHaveCount(1);
  await expect(tokenRow(page, "Of Ada")).toContainText(`Created by ${founder.name}`);
});

test("a browser that blocks cookies is told so before it signs in", async ({ browserName: _, server }) => {
  const profile = await mkdtemp(join(tmpdir(), "tokentab-profile-"));
  await mkdir(join(profile, "Default"));
  const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
  await writeFile(join(profile, "Default", "Preferences"), JSON.stringify(settings));
  const context = await chromium.launchPersistentContext(profile, config.use?.launchOptions);
  const page = await context.newPage();
  const blocked = page.getByRole("alert").filter({ hasText: "This browser blocks cookies of this site" });
  for (const address of [server.setupLink, `${server.origin}/invite`]) {
    await page.goto(address);
    await expect(blocked).toBeVisible();
  }
  await context.close();
  await rm(profile, { recursive: true, force: true });
});
