import { expect } from "@playwright/test";
import { type Created, founder } from "./api";
import { fill } from "./fill";
import { signIn } from "./sign-in";
import { choose, copyAndClose, submitForSecret, submitNewToken, tokenRow } from "./tokens";
import { failing, type Tour } from "./tour";

/** Setup, sign-in and API tokens. */
export async function tokensTour(given: Tour) {
  await strangers(given);
  await emptyPages(given);
  await fill(given.api);
  await tokenPages(given);
  await lateCode(given);
}

async function strangers({ page, api, setupLink, problems, visit }: Tour) {
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
  problems.allow(/401 \(Unauthorized\)/);
  await signIn(page, { ...founder, password: "not the password at all" });
  await expect(page.getByRole("alert")).toBeVisible();
  await visit("sign-in-refused");
  await signIn(page, founder);
}

async function emptyPages({ page, problems, visit }: Tour) {
  await expect(page.getByRole("heading", { name: "No API tokens yet" })).toBeVisible();
  await visit("tokens-empty");
  problems.allow(/404 \(Not Found\)/);
  await page.goto("/nowhere");
  await expect(page.getByRole("heading", { name: "Page not found" })).toBeVisible();
  await visit("not-found");
}

async function tokenPages(given: Tour) {
  const { page, visit } = given;
  await page.goto("/account/api-tokens");
  await expect(tokenRow(page, /Nightly build/)).toBeVisible();
  await visit("tokens");
  await changeUnderWay(given);
  await findPages(given);
  await tokenRow(page, /Nightly build/)
    .getByRole("button", { name: /^Actions for/ })
    .click();
  await expect(page.getByRole("menu")).toBeVisible();
  await visit("tokens-menu");
  await page.keyboard.press("Escape");

  await tokenRow(page, /Nightly build/)
    .getByRole("link", { name: /Nightly build/ })
    .click();
  await expect(page.getByRole("table", { name: "History of this token" })).toContainText("Created");
  await visit("token");
  await page.getByRole("button", { name: "Show as table" }).click();
  await visit("token-table");
  await page.goBack();

  await choose(tokenRow(page, /Nightly build/), "Revoke");
  await expect(page.getByRole("alertdialog")).toContainText(/accepted since/);
  await visit("tokens-revoke");
  const asks = await page.getByText(/Type \S{4} to go on\./).textContent();
  await page.getByRole("textbox", { name: "Last four" }).fill(asks?.slice(-14, -10) ?? "");
  await page.getByRole("textbox", { name: "Reason" }).fill("Its runner was taken over");
  await failing(given, /\/revoke$/, async () => {
    await page.getByRole("button", { name: "Revoke token" }).click();
    await expect(page.getByRole("alert")).toContainText("was not revoked");
    await visit("tokens-revoke-failed");
  });
  await page.getByRole("button", { name: "Cancel" }).click();
  await answeredByOthers(given);
  await choose(tokenRow(page, /Nightly build/), "Rotate");
  await expect(page.getByRole("dialog", { name: "Rotate this token" })).toBeVisible();
  await visit("tokens-rotate");
  await submitForSecret(page, "Rotate token");
  await visit("tokens-rotated-secret");
  await copyAndClose(page);
  await expect(tokenRow(page, /Two secrets until/)).toBeVisible();
  await choose(tokenRow(page, /Nightly build/), "End old secret");
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await visit("tokens-end-old-secret");
  await page.getByRole("button", { name: "Cancel" }).click();
  await choose(tokenRow(page, /Old laptop/), "Delete");
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await visit("tokens-delete");
  await page.getByRole("button", { name: "Cancel" }).click();
  await choose(tokenRow(page, /Paused for the audit/), "Activate");
  await expect(page.getByText(/activated\. It is accepted again/)).toBeVisible();
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
  await tokensOutOfReach(given);
}

/** A question about a token that someone else revokes meanwhile. */
async function answeredByOthers({ page, api, visit }: Tour) {
  const { details } = await api.create<Created>("/api_token", {
    token_scope: "account",
    name: "Taken care of",
  });
  await choose(tokenRow(page, /Taken care of/), "Revoke");
  await api.act(`/api_token/${details.id}/revoke`);
  await expect(page.getByRole("alertdialog", { name: "Already revoked" })).toBeVisible();
  await visit("tokens-revoked-by-others");
  await page.getByRole("button", { name: "Close" }).click();
  await api.remove(`/api_token/${details.id}`);
}

/** A page whose code is slow to come, and then does not. */
async function lateCode({ page, problems, visit }: Tour) {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  problems.allow(/ERR_FAILED/);
  const code = /\/assets\/environments-page-[^/]+\.js$/;
  await page.route(code, async (route) => {
    await held;
    await route.abort();
  });
  await page.goto("/account/environments");
  await expect(page.getByRole("heading", { name: "Loading" })).toBeVisible();
  await visit("page-loading");
  release();
  await expect(page.getByRole("heading", { name: "Page not loaded" })).toBeVisible();
  await visit("page-not-loaded");
  await page.unroute(code);
}

/** Search, filters and summary. */
async function findPages({ page, visit }: Tour) {
  await page.getByRole("button", { name: /^Suspended/ }).click();
  await expect(page.getByText(/^1 of \d+ tokens$/)).toBeVisible();
  await visit("tokens-summary-pressed");
  await page.goto("/account/api-tokens?scope=agent_deployment&unused=never&from=2020-01-01&sort=name");
  await expect(page.getByRole("button", { name: "Remove filter: Scope: Agent deployment" })).toBeVisible();
  await visit("tokens-filtered");
  await page.getByRole("button", { name: /^Filter/ }).click();
  await expect(page.getByRole("dialog", { name: "Filter" })).toBeVisible();
  await visit("tokens-filters");
  await page.getByRole("button", { name: "Done" }).click();
  await page.keyboard.press("/");
  await page.keyboard.type("no such token");
  await expect(page.getByRole("heading", { name: "No tokens match" })).toBeVisible();
  await visit("tokens-nothing-found");
  await page.goto("/account/api-tokens");
  await expect(tokenRow(page, /Nightly build/)).toBeVisible();
}

/** A change of many tokens whose records are being written. */
async function changeUnderWay({ page, visit }: Tour) {
  const move = {
    field: "agent_deployment_id",
    id: "any",
    agent_name: "Customer support assistant for Northern Europe",
    environment_name: "Staging",
    created_by_name: null,
    status: "revoked",
    api_token_count: 812_400,
    written_count: 324_960,
    inserted_at: "2026-01-01T00:00:00Z",
  };
  await page.route("**/api/v1/api_token/moves", (route) =>
    route.fulfill({ json: { status: "success", details: { type: "api_token_moves", moves: [move] } } }),
  );
  await page.reload();
  await expect(page.getByRole("progressbar")).toBeVisible();
  await visit("tokens-under-way");
  await page.unroute("**/api/v1/api_token/moves");
  await expect(page.getByText(/All their records are updated/)).toBeVisible();
}

/** The list after a failure, with older rows and without. */
async function tokensOutOfReach({ page, problems, visit }: Tour) {
  await failing({ page, problems }, /\/api\/v1\/api_token\?/, async () => {
    await expect(page.getByRole("alert")).toContainText("may be out of date");
    await visit("tokens-out-of-date");
    await page.reload();
    await expect(page.getByRole("alert")).toHaveText([/does not answer/]);
    await visit("tokens-error");
  });
}
