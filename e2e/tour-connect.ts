import { expect } from "@playwright/test";
import { type Created, founder } from "./api";
import { fill, longName, made } from "./fill";
import { signIn } from "./sign-in";
import { failing, type Tour } from "./tour";

/** The page that writes the configuration of a gateway, and its test request. */
export async function connectTour(given: Tour) {
  const { page, api, visit } = given;
  await api.setUp();
  await page.goto("/sign-in?next=/account/api-tokens/connect");
  await signIn(page, founder);
  await expect(page.getByText("There are no agents yet.")).toBeVisible();
  await visit("connect-new");
  await fill(api);
  await made(api, "/environment", { name: longName, purpose: "staging" });
  await page.reload();
  await expect(page.getByRole("checkbox", { name: "Invoice reader" })).toBeVisible();
  await needs(given);
  await addresses(given);
  await testRequests(given);
  await manyAgents(given);
  await outOfReach(given);
}

async function needs({ page, visit }: Tour) {
  await page.getByText("Traefik", { exact: true }).click();
  await page.getByRole("checkbox", { name: "Agent deployment" }).check();
  await page.getByRole("checkbox", { name: "Production" }).check();
  await page.getByRole("checkbox", { name: /^The agent that answers/ }).check();
  await page.getByRole("checkbox", { name: "Invoice reader" }).check();
  await expect(page.getByText(/pass: agent deployment tokens of/)).toBeVisible();
  await visit("connect-needs");
  await page.getByRole("region", { name: "traefik-dynamic.yml" }).scrollIntoViewIfNeeded();
  await visit("connect-files");
  await page.getByRole("checkbox", { name: "Agent deployment" }).uncheck();
  await page.getByRole("group", { name: "Scopes" }).getByRole("checkbox", { name: "Environment" }).check();
  await expect(page.getByText("No token passes")).toBeVisible();
  await visit("connect-nothing-passes");
}

async function addresses({ page, visit }: Tour) {
  const application = page.getByRole("textbox", { name: "Application" });
  await application.fill("my application");
  await page.getByRole("textbox", { name: "Port of the gateway" }).fill("80000");
  await page.getByRole("textbox", { name: "Tokentab" }).focus();
  await expect(page.getByText("Enter a port from 1 to 65535.")).toBeVisible();
  await visit("connect-wrong-addresses");
  const download = page.getByRole("button", { name: "Download traefik.yml" });
  await expect(download).toBeDisabled();
  await page.getByRole("region", { name: "traefik-dynamic.yml" }).scrollIntoViewIfNeeded();
  await visit("connect-no-file");
}

async function testRequests({ page, api, problems, visit }: Tour) {
  await page.reload();
  const send = page.getByRole("button", { name: "Send test request" });
  const token = page.getByRole("textbox", { name: "Token", exact: true });
  await send.click();
  await expect(page.getByText("Enter a token.")).toBeVisible();
  await visit("connect-test-incomplete");

  const { token: secret, details } = await api.create<Created>("/api_token", { token_scope: "account" });
  await token.fill(secret);
  await send.click();
  await expect(page.getByText("Passes", { exact: true })).toBeVisible();
  await page.getByRole("region", { name: "Same request with curl" }).scrollIntoViewIfNeeded();
  await visit("connect-test-passes");

  problems.allow(/401 \(Unauthorized\)/);
  await api.act(`/api_token/${details.id}/suspend`);
  await send.click();
  await expect(page.getByText("Refused", { exact: true })).toBeVisible();
  await visit("connect-test-refused");
  await failing({ page, problems }, /\/api\/v1\/validate\?/, async () => {
    await send.click();
    await expect(page.getByRole("alert")).toContainText("gateways refuse every request");
    await visit("connect-test-unknown");
  });
}

async function manyAgents({ page, api, visit }: Tour) {
  for (let number = 1; number <= 8; number++) await made(api, "/agent", { name: `Worker ${number}` });
  await page.reload();
  await page.getByRole("searchbox", { name: "Find agents" }).fill("nothing like it");
  const nothing = page.getByText("No match.");
  await expect(nothing).toBeVisible();
  await nothing.scrollIntoViewIfNeeded();
  await visit("connect-none-found");
  await page.getByRole("searchbox", { name: "Find agents" }).fill("work");
  await visit("connect-found");
}

async function outOfReach({ page, problems, visit }: Tour) {
  await failing({ page, problems }, /\/api\/v1\/(agent|environment)\?/, async () => {
    await page.reload();
    await expect(page.getByRole("alert")).toHaveCount(2);
    await visit("connect-error");
  });
}
