import { expect } from "@playwright/test";
import { type Created, founder } from "./api";
import { fill, longName, made } from "./fill";
import { Run } from "./runs";
import { signIn } from "./sign-in";
import { tokenRow } from "./tokens";
import { failing, type Tour } from "./tour";

/** The agents, their deployments and versions. */
export async function agentsTour(given: Tour) {
  const { page, api } = given;
  await api.setUp();
  await page.goto("/sign-in?next=/agents");
  await signIn(page, founder);
  await emptyPages(given);
  const { agentId, wordyId } = await fill(api);
  await fillVersions(given, agentId);
  await agentPages(given, agentId);
  await agentDialogs(given, agentId);
  await versionPages(given, agentId, wordyId);
  await outOfReach(given, agentId);
  await instancePages(given, agentId, wordyId);
}

async function emptyPages({ page, visit }: Tour) {
  await expect(page.getByRole("heading", { name: "No agents yet" })).toBeVisible();
  await visit("agents-empty");
  await page.getByRole("button", { name: "Register agent" }).click();
  await expect(page.getByRole("dialog", { name: "Register agent" })).toBeVisible();
  await visit("agents-register");
}

/** Registers versions, deploys one, and retires an agent. */
async function fillVersions({ api }: Tour, agent_id: string) {
  await made(api, "/agent_version", { agent_id, external_identifier: "1.4.0" });
  const current = await made(api, "/agent_version", {
    agent_id,
    external_identifier: "1.5.0",
    name: "Reads handwriting",
  });
  await made(api, "/agent_version", { agent_id, external_identifier: "1.5.0" });
  await made(api, "/agent_version", { agent_id, external_identifier: "sha256-".padEnd(255, "9f3c7a") });
  const deployments = await api.list<{ id: string; environment_name: string }>(
    `/agent_deployment?agent_id=${agent_id}`,
  );
  const production = deployments.find(({ environment_name }) => environment_name === "Production");
  await api.change(`/agent_deployment/${production?.id}`, { current_version_id: current.id });
  const retired = await made(api, "/agent", {
    name: "Translator of old",
    description: "Replaced in spring.",
  });
  await api.act(`/agent/${retired.id}/retire`);
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

async function agentDialogs({ page, visit }: Tour, agentId: string) {
  await page.goto(`/agents/${agentId}/deployments`);
  await page.getByRole("button", { name: "Edit" }).click();
  await expect(page.getByRole("dialog", { name: "Edit agent" })).toBeVisible();
  await visit("agent-edit");
  await page.getByRole("button", { name: "Cancel" }).click();
  const menu = page.getByRole("button", { name: "Actions for Invoice reader", exact: true });
  await menu.click();
  await expect(page.getByRole("menu")).toBeVisible();
  await visit("agent-menu");
  await page.getByRole("menuitem", { name: "Retire" }).click();
  await expect(page.getByRole("alertdialog", { name: "Retire this agent?" })).toBeVisible();
  await visit("agent-retire");
  await page.getByRole("button", { name: "Cancel" }).click();
  await menu.click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await expect(page.getByRole("checkbox", { name: /^Revoke its 2 tokens/ })).toBeVisible();
  await visit("agent-delete");
  await page.getByRole("button", { name: "Cancel" }).click();
}

async function versionPages({ page, problems, visit }: Tour, agentId: string, wordyId: string) {
  await page.goto(`/agents/${agentId}/versions`);
  await expect(page.getByRole("row", { name: /1\.4\.0/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /Reads handwriting/ })).toContainText("Production");
  await visit("versions");
  await page.goto(`/agents/${wordyId}/versions`);
  await expect(page.getByRole("heading", { name: "No versions yet" })).toBeVisible();
  await visit("versions-empty");
  await page.goto("/agents");
  await page.getByRole("link", { name: "Translator of old" }).click();
  await expect(page.getByText("This agent is retired.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "No deployment tokens yet" })).toBeVisible();
  await visit("agent-retired");
  problems.allow(/404 \(Not Found\)/);
  await page.goto(`/agents/${wordyId.slice(0, -4)}0000`);
  await expect(page.getByRole("heading", { name: "No such agent" })).toBeVisible();
  await visit("agent-missing");
}

/** Reports 60 instances of an agent, of every status, and returns the id of the newest, which has many spans. */
async function fillInstances({ api }: Tour, agent_id: string, environment_id: string): Promise<string> {
  const details = { token_scope: "agent_deployment", agent_id, environment_id, name: longName };
  const { token } = await api.create<Created>("/api_token", details);
  for (let i = 0; i < 59; i++) {
    const run = await Run.start(api, token, i % 9 === 2 ? "sha256-".padEnd(255, "9f3c7a") : "1.5.0");
    if (i % 4 === 1) await run.finish("failed");
    else if (i % 4 === 2) await run.finish("cancelled");
    else if (i % 10 === 3) await api.act(`/agent_instance/${run.id}/terminate`, { reason: longName });
    else if (i % 4 === 3) await run.finish();
  }
  const run = await Run.start(api, token);
  let parent = await run.span({ schema_name: "agent:run", status: "active" });
  await run.span({ schema_name: `tool:${"wide".repeat(50)}`, parent, status: "failed" });
  for (let i = 0; i < 12; i++) {
    const schema_name = i === 3 ? "أداة قراءة الفواتير" : `llm:call_${i}`;
    const payload = i < 2 ? { messages: [{ role: "user", content: "word ".repeat(200) }] } : {};
    parent = await run.span({ schema_name, parent, payload, result: { text: "W".repeat(300) } });
  }
  for (let i = 0; i < 100; i++) await run.span({ schema_name: "tool:search" });
  const quality = { name: "accuracy", payload: { score: 0.93 } };
  await api.report(`/agent_instance/${run.id}/record_quality`, quality, token);
  return run.id;
}

async function instancePages(given: Tour, agentId: string, wordyId: string) {
  const { page, api, problems, visit } = given;
  await page.goto(`/agents/${wordyId}/instances`);
  await expect(page.getByRole("heading", { name: "No instances yet" })).toBeVisible();
  await visit("instances-empty");
  const newest = await fillInstances(given, agentId, await api.environmentId("Production"));
  await page.goto(`/agents/${agentId}/instances`);
  await expect(page.getByText("1–50 of 60")).toBeVisible();
  await visit("instances");
  await page.goto(`/agents/${agentId}/instances?status=pending`);
  await expect(page.getByRole("heading", { name: "No instances match" })).toBeVisible();
  await visit("instances-none-match");
  await page.goto(`/agents/${agentId}/instances?status=terminated`);
  await page
    .getByRole("link", { name: /^Instance …/ })
    .first()
    .click();
  await expect(page.getByText(/^Terminated: /)).toBeVisible();
  await visit("instance-terminated");
  await page.goto(`/agents/${agentId}/instances/${newest}`);
  await expect(page.getByText("The first 100 of 114.")).toBeVisible();
  await visit("instance");
  // Scrolling to the button already loads more, so the button may be gone before a click.
  await page.getByRole("button", { name: "Show more" }).dispatchEvent("click");
  await expect(page.getByText("The first 100 of 114.")).toBeHidden();
  await page.getByRole("button", { name: "Payload of llm:call_0" }).click();
  await page.getByRole("button", { name: "Payload of llm:call_5" }).click();
  await visit("instance-payload");
  await page.getByRole("button", { name: "Terminate" }).click();
  await expect(page.getByRole("textbox", { name: "Reason" })).toBeFocused();
  await visit("instance-terminate");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.goto(`/agents/${agentId}/instances/${newest.slice(0, -4)}0000`);
  await expect(page.getByRole("heading", { name: "No such instance" })).toBeVisible();
  await visit("instance-missing");
  await page.goto(`/agents/${agentId}/instances/${newest}`);
  await expect(page.getByText("The first 100 of 114.")).toBeVisible();
  await failing({ page, problems }, /\/api\/v1\/agent_/, async () => {
    await expect(page.getByRole("alert")).toHaveCount(2);
    await visit("instance-out-of-date");
    await page.reload();
    await expect(page.getByRole("alert")).toHaveText([/does not answer/]);
    await visit("instance-error");
  });
}

/** The pages without the store, with the loaded agent and without it. */
async function outOfReach({ page, problems, visit }: Tour, agentId: string) {
  await page.goto(`/agents/${agentId}/versions`);
  await expect(page.getByRole("row", { name: /1\.4\.0/ })).toBeVisible();
  await failing({ page, problems }, /\/api\/v1\/agent/, async () => {
    await expect(page.getByRole("alert")).toHaveCount(4);
    await visit("versions-out-of-date");
    await page.reload();
    await expect(page.getByRole("alert")).toHaveText([/does not answer/]);
    await visit("agent-error");
    await page.goto("/agents");
    await expect(page.getByRole("alert")).toHaveText([/does not answer/]);
    await visit("agents-error");
  });
}
