import type { Page } from "@playwright/test";
import type { Created } from "./api";
import { expect, test } from "./fixtures";
import { tokenRow } from "./tokens";

/** Chooses from the agent's menu. */
async function chooseForAgent(page: Page, action: string) {
  await page.getByRole("button", { name: "Actions for Invoice reader", exact: true }).click();
  await page.getByRole("menuitem", { name: action, exact: true }).click();
}

test("retiring an agent suspends its tokens at once, reinstating activates only those, deleting revokes all", async ({
  page,
  api,
  problems,
  signedIn: _,
}) => {
  const agent = await api.create<{ details: { id: string } }>("/agent", { name: "Invoice reader" });
  const details = {
    token_scope: "agent_deployment",
    agent_id: agent.details.id,
    environment_id: await api.environmentId("Production"),
  };
  const working = await api.create<Created>("/api_token", { ...details, name: "In use" });
  const paused = await api.create<Created>("/api_token", { ...details, name: "Held back" });
  await api.act(`/api_token/${paused.details.id}/suspend`);
  const expectStates = async (inUse: { word: string; ping: number }) => {
    expect((await api.ping(working.token)).status).toBe(inUse.ping);
    expect((await api.ping(paused.token)).status).toBe(401);
    await expect(tokenRow(page, /In use/)).toContainText(inUse.word);
    await expect(tokenRow(page, /Held back/)).toContainText("Suspended");
  };

  await page.goto(`/agents/${agent.details.id}`);
  await expectStates({ word: "Active", ping: 200 });
  await chooseForAgent(page, "Retire");
  await page
    .getByRole("alertdialog", { name: "Retire this agent?" })
    .getByRole("button", { name: "Retire agent" })
    .click();
  await expect(page.getByText("Invoice reader retired. 1 token suspended.")).toBeVisible();
  await expectStates({ word: "Suspended", ping: 401 });
  await expect(page.getByText("This agent is retired.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Create deployment token" })).toBeDisabled();

  await chooseForAgent(page, "Reinstate");
  await expect(page.getByText("Invoice reader reinstated. 1 token activated.")).toBeVisible();
  await expectStates({ word: "Active", ping: 200 });
  await expect(page.getByText("This agent is retired.")).toBeHidden();
  await expect(page.getByRole("button", { name: "Create deployment token" })).toBeEnabled();

  await chooseForAgent(page, "Delete");
  const question = page.getByRole("alertdialog", { name: "Delete this agent?" });
  await expect(question.getByRole("button", { name: "Delete agent" })).toBeDisabled();
  await question.getByRole("checkbox", { name: "Revoke its 2 tokens and delete" }).check();
  problems.tolerate(/404 \(Not Found\).*\/api\/v1\/agent\//); // the page may be polling when its agent goes
  await question.getByRole("button", { name: "Delete agent" }).click();
  await expect(page.getByText("Invoice reader deleted. 2 tokens revoked.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "No agents yet" })).toBeVisible();
  expect((await api.ping(working.token)).status).toBe(401);
});
