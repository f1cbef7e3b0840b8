import type { Created } from "./api";
import { expect, test } from "./fixtures";
import { choose, tokenRow } from "./tokens";

test("an environment is deleted only with its deployments and tokens, whose rows still name it", async ({
  page,
  api,
  signedIn: _,
}) => {
  await page.goto("/account/environments");
  await page.getByRole("button", { name: "Create environment" }).click();
  const form = page.getByRole("dialog", { name: "Create environment" });
  await form.getByRole("textbox", { name: "Name" }).fill("Staging");
  await form.getByRole("combobox", { name: "Purpose" }).selectOption("Testing");
  await form.getByRole("textbox", { name: "Description" }).fill("The last stop before customers.");
  await form.getByRole("button", { name: "Create environment" }).click();
  await expect(page.getByRole("row", { name: /Staging/ })).toContainText("Testing");

  await choose(page.getByRole("row", { name: /Staging/ }), "Edit");
  const edit = page.getByRole("dialog", { name: "Edit environment" });
  await expect(edit.getByRole("textbox", { name: "Description" })).toHaveValue(
    "The last stop before customers.",
  );
  await edit.getByRole("textbox", { name: "Name" }).fill("Rehearsal");
  await edit.getByRole("button", { name: "Save changes" }).click();
  const row = page.getByRole("row", { name: /Rehearsal/ });
  await expect(row).toContainText("The last stop before customers.");
  await expect(page.getByRole("row", { name: /Staging/ })).toHaveCount(0);

  const environment_id = await api.environmentId("Rehearsal");
  const agent = await api.create<{ details: { id: string } }>("/agent", { name: "Invoice reader" });
  const { token } = await api.create<Created>("/api_token", {
    token_scope: "agent_deployment",
    agent_id: agent.details.id,
    environment_id,
  });
  expect((await api.ping(token)).status).toBe(200);

  const refusal = await api.remove(`/environment/${environment_id}?if_unused=true`);
  expect(refusal.status, "a delete only if unused").toBe(409);

  await page.reload();
  await choose(row, "Delete");
  const question = page.getByRole("alertdialog", { name: "Delete this environment?" });
  await expect(question).toContainText("1 deployment and 1 token use Rehearsal.");
  const yes = question.getByRole("button", { name: "Delete environment" });
  await expect(yes).toBeDisabled();
  expect((await api.ping(token)).status).toBe(200);
  await question.getByRole("checkbox", { name: "Revoke them and delete" }).check();
  await yes.click();
  await expect(page.getByText("Rehearsal deleted. 1 token revoked.")).toBeVisible();
  await expect(row).toHaveCount(0);
  expect((await api.ping(token)).status).toBe(401);

  await page.goto(`/agents/${agent.details.id}/deployments`);
  const scope = /Agent deployment \(Invoice reader · Rehearsal\)/;
  await expect(tokenRow(page, scope)).toContainText("Revoked");
  await expect(page.getByText("Not deployed in any environment yet.")).toBeVisible();
});
