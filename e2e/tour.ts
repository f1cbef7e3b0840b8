import { expect, type Page } from "@playwright/test";
import { type Api, type Created, founder } from "./api";
import { choose, submitNewToken, tokenRow } from "./tokens";

export interface Tour {
  page: Page;
  api: Api;
  setupLink: string;
  /** Called at every stop, once what the stop shows is there. */
  visit: (stop: string) => Promise<void>;
}

const day = 86_400_000;

/** Leads through every page, dialog and state of the program, beginning with an empty one. */
export async function tour(given: Tour) {
  await strangers(given);
  await emptyPages(given);
  const { agentId } = await fill(given.api);
  await accountPages(given);
  await agentPages(given, agentId);
}

async function strangers({ page, api, setupLink, visit }: Tour) {
  await page.goto(setupLink);
  await expect(page.getByRole("textbox", { name: "Account name" })).toBeVisible();
  await visit("setup");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByText("Enter your name.")).toBeVisible();
  await visit("setup-incomplete");
  await api.setUp();
  await page.goto("/sign-in");
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await visit("sign-in");
  await page.getByRole("textbox", { name: "Email" }).fill(founder.email);
  await page.getByRole("textbox", { name: "Password" }).fill("not the password at all");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await visit("sign-in-refused");
  await page.getByRole("textbox", { name: "Password" }).fill(founder.password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function emptyPages({ page, visit }: Tour) {
  await expect(page.getByRole("heading", { name: "No API tokens yet" })).toBeVisible();
  await visit("tokens-empty");
  await page.goto("/agents");
  await expect(page.getByRole("heading", { name: "No agents yet" })).toBeVisible();
  await visit("agents-empty");
  await page.getByRole("button", { name: "Register agent" }).click();
  await expect(page.getByRole("dialog", { name: "Register agent" })).toBeVisible();
  await visit("agents-register");
  await page.goto("/nowhere");
  await expect(page.getByRole("heading", { name: "Nothing is here" })).toBeVisible();
  await visit("not-found");
}

async function accountPages({ page, visit }: Tour) {
  await page.goto("/account/api-tokens");
  await expect(tokenRow(page, /Nightly build/)).toBeVisible();
  await visit("tokens");
  await tokenRow(page, /Nightly build/)
    .getByRole("button", { name: /^Actions for/ })
    .click();
  await expect(page.getByRole("menu")).toBeVisible();
  await visit("tokens-menu");
  await page.keyboard.press("Escape");

  await choose(tokenRow(page, /Nightly build/), "Revoke");
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await visit("tokens-revoke");
  await page.getByRole("button", { name: "Cancel" }).click();
  await choose(tokenRow(page, /Old laptop/), "Delete");
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await visit("tokens-delete");
  await page.getByRole("button", { name: "Cancel" }).click();
  await choose(tokenRow(page, /Paused for the audit/), "Activate");
  await expect(page.getByText("Token activated.", { exact: false })).toBeVisible();
  await visit("tokens-activated");

  await page.getByRole("button", { name: "Create API token" }).click();
  const form = page.getByRole("dialog", { name: "Create API token" });
  await expect(form).toBeVisible();
  await visit("tokens-create");
  await form.getByText("Custom").click();
  await form.getByRole("button", { name: "Create token" }).click();
  await expect(form.getByText("Choose a date.")).toBeVisible();
  await visit("tokens-create-no-date");
  await form.getByText("30 days").click();
  await submitNewToken(page);
  await visit("tokens-shown-once");
  await page.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await visit("tokens-shown-once-question");
  await page.getByRole("button", { name: "Close without copying" }).click();
  await tokensOutOfReach(page, visit);
}

/** The list when it can't be loaded: with rows that were there before, and without any. */
async function tokensOutOfReach(page: Page, visit: Tour["visit"]) {
  const list = /\/api\/v1\/api_token\?/;
  await page.route(list, (route) =>
    route.fulfill({
      status: 503,
      json: {
        status: "error",
        code: "unexpected",
        message: "The store does not answer right now. Try again.",
      },
    }),
  );
  await expect(page.getByRole("alert")).toContainText("may be out of date");
  await visit("tokens-out-of-date");
  await page.reload();
  await expect(page.getByRole("alert")).toContainText("does not answer");
  await visit("tokens-error");
  await page.unroute(list);
}

async function agentPages({ page, visit }: Tour, agentId: string) {
  await page.goto("/agents");
  await expect(page.getByRole("row", { name: /Invoice reader/ })).toBeVisible();
  await visit("agents");
  await page.getByRole("link", { name: /^Web search/ }).click();
  await expect(page.getByRole("heading", { name: "No deployment tokens yet" })).toBeVisible();
  await visit("deployments-empty");
  await page.goto(`/agents/${agentId}/deployments`);
  await expect(tokenRow(page, /Production/)).toBeVisible();
  await visit("deployments");
  await page.getByRole("button", { name: "Create deployment token" }).click();
  await expect(page.getByRole("radio", { name: /^Production/ })).toBeVisible();
  await visit("deployments-create");
}

/** Fills the account with tokens of every scope and state, and with names as long as they may be. */
async function fill(api: Api): Promise<{ agentId: string }> {
  const agent = await made(api, "/agent", {
    name: "Invoice reader",
    description: "Reads the invoices that come by mail.",
  });
  await made(api, "/agent", { name: "Web search" });
  const wordy = await made(api, "/agent", {
    name: "The agent that answers what customers ask about deliveries that are late, in twelve languages",
    description: "Agent-with-a-description-that-has-no-place-to-break-".repeat(3),
  });
  const development = await api.environmentId("Development");
  const production = await api.environmentId("Production");
  const deployment = { token_scope: "agent_deployment", environment_id: production };

  await token(api, { token_scope: "account", name: "From the time before" });
  const old = await token(api, { token_scope: "account", name: "Old laptop" });
  await api.act(`/api_token/${old.details.id}/revoke`);
  const paused = await token(api, { token_scope: "account", name: "Paused for the audit" });
  await api.act(`/api_token/${paused.details.id}/suspend`);
  await token(api, { token_scope: "environment", environment_id: development });
  await token(api, { ...deployment, agent_id: wordy.id, name: "W".repeat(100) });
  const ends = new Date(Date.now() + 3 * day).toISOString();
  const reader = await token(api, { ...deployment, agent_id: agent.id, expires_at: ends });
  await token(api, {
    ...deployment,
    agent_id: agent.id,
    environment_id: development,
    name: "On Ada's machine",
  });
  const nightly = await token(api, { token_scope: "account", name: "Nightly build" });
  await api.ping(reader.token);
  await api.ping(nightly.token);
  await api.create("/api_token", { token_scope: "account" }, nightly.token);
  return { agentId: agent.id };
}

async function made(api: Api, path: string, details: object): Promise<{ id: string }> {
  return (await api.create<{ details: { id: string } }>(path, details)).details;
}

function token(api: Api, details: object): Promise<Created> {
  return api.create<Created>("/api_token", details);
}
