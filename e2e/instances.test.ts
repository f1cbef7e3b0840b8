import type { Page } from "@playwright/test";
import type { Api, Created } from "./api";
import { expect, test } from "./fixtures";
import { tabTo } from "./keyboard";
import { Run } from "./runs";

test.use({ live: true });

async function readerWithToken(api: Api) {
  const agent = await api.create<{ details: { id: string } }>("/agent", { name: "Invoice reader" });
  const token = await api.create<Created>("/api_token", {
    token_scope: "agent_deployment",
    agent_id: agent.details.id,
    environment_id: await api.environmentId("Production"),
    name: "On the server",
  });
  return { agentId: agent.details.id, secret: token.token, tokenId: token.details.id };
}

const row = (page: Page, { id }: Run) => page.getByRole("row", { name: `…${id.slice(-8)}` });

test("a run appears while its SDK reports it, with its spans as a tree, and on the page of its token", async ({
  page,
  api,
  signedIn: _,
}) => {
  const { agentId, secret, tokenId } = await readerWithToken(api);
  await page.goto(`/agents/${agentId}/instances`);
  await expect(page.getByRole("heading", { name: "No instances yet" })).toBeVisible();
  await expect(page.getByText("No instances in 24 hours")).toBeVisible();

  const run = await Run.start(api, secret);
  await expect(row(page, run)).toContainText("Active");
  for (const text of ["Production", "1.4.0", "On the server"])
    await expect(row(page, run)).toContainText(text);
  await expect(page.getByText("1 instance in 24 hours")).toBeVisible();

  await row(page, run)
    .getByRole("link", { name: /^Instance/ })
    .click();
  await expect(page.getByText("No spans yet.")).toBeVisible();
  const root = await run.span({ schema_name: "agent:run", status: "active" });
  const call = await run.span({ schema_name: "llm:call", parent: root, status: "failed" });
  await run.span({
    schema_name: "tool:read",
    parent: call,
    payload: { file: "<b>invoice</b>.pdf" },
    result: { total: 1204.5 },
  });
  const span = (name: RegExp) => page.getByRole("treeitem", { name });
  await expect(span(/^tool:read, Complete/)).toHaveAttribute("aria-level", "3");
  await expect(span(/^llm:call, Failed/)).toHaveAttribute("aria-level", "2");
  await expect(span(/^agent:run, Active/)).toHaveAttribute("aria-level", "1");
  await span(/^tool:read/)
    .getByRole("button", { name: "Payload of tool:read" })
    .click();
  await expect(page.getByRole("region", { name: /^Payload of tool:read/ })).toContainText(
    '"file": "<b>invoice</b>.pdf"',
  );
  await expect(page.getByRole("region", { name: /^Result of tool:read/ })).toContainText("1204.5");

  await run.finish();
  await expect(span(/^agent:run, Unfinished/)).toBeVisible();
  await expect(page.getByRole("button", { name: "Terminate" })).toBeHidden();
  await run.finishSpan(root);
  await expect(span(/^agent:run, Complete/)).toBeVisible();

  await page.goto(`/account/api-tokens/${tokenId}`);
  const newest = page.getByRole("region", { name: "Instances" });
  await expect(newest.getByRole("listitem")).toContainText("Invoice reader in Production");
  await page.goto("/account/api-tokens");
  await page.getByRole("link", { name: "Last instance of Invoice reader" }).click();
  await expect(page.getByRole("heading", { name: `Instance …${run.id.slice(-8)}` })).toBeVisible();
});

test("a run's menu opens by mouse, although a link covers its row", async ({ page, api, signedIn: _ }) => {
  const { agentId, secret } = await readerWithToken(api);
  const run = await Run.start(api, secret);
  await page.goto(`/agents/${agentId}/instances`);
  await row(page, run)
    .getByRole("button", { name: /^Actions for Instance/ })
    .click();
  await page.getByRole("menuitem", { name: "Terminate" }).click();
  await expect(page.getByRole("dialog", { name: "Terminate this instance?" })).toBeVisible();
});

test("a run is terminated by keyboard, and its SDK hears why with its next span", async ({
  page,
  api,
  signedIn: _,
}) => {
  const { agentId, secret } = await readerWithToken(api);
  const run = await Run.start(api, secret);
  await page.goto(`/agents/${agentId}/instances`);
  const menu = row(page, run).getByRole("button", { name: /^Actions for Instance/ });
  await tabTo(page, menu);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "Terminate" })).toBeFocused();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Terminate this instance?" });
  await expect(dialog.getByRole("textbox", { name: "Reason" })).toBeFocused();
  await page.keyboard.type("It asks for the wrong invoices.");
  await page.keyboard.press("Enter");
  await expect(row(page, run)).toContainText("Terminated");
  await expect(menu).toBeFocused();

  const { control } = await api.report<{ control: object }>(
    "/agent_spans",
    {
      details: { agent_instance_id: run.id, schema_name: "llm:call", status: "active", payload: {} },
    },
    secret,
  );
  expect(control).toEqual({ terminate: true, reason: "It asks for the wrong invoices." });
  await page.keyboard.press("Shift+Tab");
  await expect(row(page, run).getByRole("link", { name: /^Instance/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText("Terminated: It asks for the wrong invoices.")).toBeVisible();
  const span = page.getByRole("treeitem", { name: "llm:call, Unfinished" });
  await tabTo(page, span);
  await page.keyboard.press("Enter");
  await expect(span.getByText("No payload")).toBeVisible();
});
