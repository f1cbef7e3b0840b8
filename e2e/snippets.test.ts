import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "./fixtures";
import { tabTo } from "./keyboard";
import { submitForSecret } from "./tokens";

test("the programs for a new deployment token are reached and copied by keyboard, also on a narrow phone", async ({
  page,
  api,
  context,
  signedIn: _,
}) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.setViewportSize({ width: 320, height: 640 });
  const { details } = await api.create<{ details: { id: string } }>("/agent", { name: "Invoice reader" });
  await page.goto(`/agents/${details.id}`);
  await page.getByRole("button", { name: "Create deployment token" }).click();
  await page.getByRole("radio", { name: /^Production/ }).check();
  const secret = await submitForSecret(page, "Create token");

  const dialog = page.getByRole("dialog", { name: "Save this token now" });
  const group = dialog.getByRole("group", { name: "First run" });
  await expect(group.getByRole("region", { name: "TypeScript program", exact: true })).toContainText(secret);
  await tabTo(page, group.getByRole("radio", { name: "TypeScript" }));
  await page.keyboard.press("ArrowRight");
  await expect(group.getByRole("radio", { name: "Python" })).toBeChecked();
  await tabTo(page, group.getByRole("button", { name: "Copy Python program" }));
  await page.keyboard.press("Enter");
  await expect(group.getByRole("status").filter({ hasText: "Copied" })).toBeAttached();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied.split("\n")).toHaveLength(5);
  expect(copied).toContain(`api_token="${secret}"`);
  expect(copied).toContain(`agent_id="${details.id}"`);
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(await wide(), "nothing is wider than the phone").toBeLessThanOrEqual(0);
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(dialog).toBeHidden();
  expect((await api.ping(secret)).status).toBe(200);
});

test("the copied TypeScript program runs as it is, and its run ends well", async ({
  page,
  api,
  context,
  signedIn: _,
}, testInfo) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const { details } = await api.create<{ details: { id: string } }>("/agent", { name: "Invoice reader" });
  await page.goto(`/agents/${details.id}`);
  await page.getByRole("button", { name: "Create deployment token" }).click();
  await page.getByRole("radio", { name: /^Development/ }).check();
  await submitForSecret(page, "Create token");
  await page.getByRole("button", { name: "Copy TypeScript program" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Copied" })).toBeAttached();

  const program = testInfo.outputPath("first-run.mjs");
  await writeFile(program, await page.evaluate(() => navigator.clipboard.readText()));
  expect(await promisify(execFile)(process.execPath, [program])).toEqual({ stdout: "", stderr: "" });
  const instances = await api.list<{ status: string; span_counts: Record<string, number> }>(
    `/agent_instance?agent_id=${details.id}`,
  );
  expect(instances).toMatchObject([{ status: "complete", span_counts: { total: 1, complete: 1 } }]);
});
