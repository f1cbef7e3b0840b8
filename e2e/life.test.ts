import { founder } from "./api";
import { expect, test } from "./fixtures";
import { copyAndClose, followLife, submitNewToken, tokenRow } from "./tokens";

test("the printed link creates an account, and its first token works until it is suspended or revoked", async ({
  page,
  server,
  api,
}) => {
  await page.goto(server.setupLink);
  await page.getByRole("textbox", { name: "Account name" }).fill(founder.account_name);
  await expect(page, "the code has left the address").toHaveURL(`${server.origin}/setup`);
  await page.getByRole("textbox", { name: "Your name" }).fill(founder.name);
  await page.getByRole("textbox", { name: "Email" }).fill(founder.email);
  await page.getByRole("textbox", { name: "Password" }).fill(founder.password);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page).toHaveURL(`${server.origin}/account/api-tokens`);
  await expect(page.getByRole("heading", { name: "No API tokens yet" })).toBeVisible();

  await page.getByRole("button", { name: "Create API token" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill("Nightly build");
  const secret = await submitNewToken(page);
  await copyAndClose(page);

  const row = tokenRow(page, /Nightly build/);
  await expect(row).toContainText(`Account`);
  await expect(row).toContainText(`Created by ${founder.name}`);
  await expect(row).toContainText("Waiting for first use");
  await followLife(page, row, secret, api);
  await expect(page.getByRole("heading", { name: "No API tokens yet" })).toBeVisible();
});

test("a deployment token carries its agent and environment, and works until it is suspended or revoked", async ({
  page,
  api,
  signedIn: _,
}) => {
  await page.goto("/agents");
  await page.getByRole("button", { name: "Register agent" }).click();
  const form = page.getByRole("dialog", { name: "Register agent" });
  await form.getByRole("textbox", { name: "Name" }).fill("Invoice reader");
  await form.getByRole("button", { name: "Register agent" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Invoice reader" })).toBeVisible();
  const agentId = new URL(page.url()).pathname.split("/")[2];
  const environmentId = await api.environmentId("Production");

  await page.getByRole("button", { name: "Create deployment token" }).click();
  await page.getByRole("radio", { name: /^Production/ }).check();
  const secret = await submitNewToken(page);
  await copyAndClose(page);

  const validation = await api.validate(secret);
  expect(validation.status).toBe(200);
  expect(validation.headers.get("X-Agent-Id")).toBe(agentId);
  expect(validation.headers.get("X-Environment-Id")).toBe(environmentId);
  const ping = await api.ping(secret);
  expect(ping.body).toMatchObject({ details: { agent_id: agentId, environment_id: environmentId } });

  const scope = /Agent deployment \(Invoice reader · Production\)/;
  await followLife(page, tokenRow(page, scope), secret, api);
  await expect(page.getByRole("heading", { name: "No deployment tokens yet" })).toBeVisible();
});
