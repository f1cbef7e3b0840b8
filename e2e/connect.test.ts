import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import type { Created } from "./api";
import { made } from "./fill";
import { expect, test } from "./fixtures";
import { freePort, runnable, startApplication, startGateway } from "./gateway";

/** Tests a token on the page and returns the word of the result. */
async function tryOut(page: Page, secret: string, verdict: "Passes" | "Refused") {
  await page.getByRole("textbox", { name: "Token", exact: true }).fill(secret);
  await page.getByRole("button", { name: "Send test request" }).click();
  await expect(page.getByText(verdict, { exact: true })).toBeVisible();
}

for (const gateway of ["nginx", "Caddy"] as const) {
  test(`${gateway} with the file from the page lets through what the page says, and nothing else`, async ({
    page,
    api,
    problems,
    signedIn: _,
  }) => {
    const agent = await made(api, "/agent", { name: "Invoice reader" });
    const production = await api.environmentId("Production");
    const deployed = { token_scope: "agent_deployment", agent_id: agent.id };
    const good = await api.create<Created>("/api_token", { ...deployed, environment_id: production });
    const elsewhere = await api.create<Created>("/api_token", {
      ...deployed,
      environment_id: await api.environmentId("Development"),
    });
    const application = await startApplication();
    const port = await freePort();

    await page.goto("/account/api-tokens");
    await page.getByRole("link", { name: "Connect" }).click();
    await expect(page).toHaveTitle("Connect a gateway · Tokentab");
    const tab = page.getByRole("link", { name: "API Tokens", exact: true });
    await expect(tab).toHaveAttribute("aria-current", "page");
    await page.getByText(gateway, { exact: true }).click();
    await page.getByRole("checkbox", { name: "Agent deployment" }).check();
    await page.getByRole("checkbox", { name: "Production" }).check();
    await expect(page.getByText("pass: agent deployment tokens in Production.")).toBeVisible();
    await page.getByRole("textbox", { name: "Application" }).fill(application.address);
    await page.getByRole("textbox", { name: "Port of the gateway" }).fill(String(port));

    problems.allow(/401 \(Unauthorized\)/);
    problems.allow(/403 \(Forbidden\)/);
    await tryOut(page, good.token, "Passes");
    await expect(page.getByRole("definition").filter({ hasText: production })).toBeVisible();
    await tryOut(page, elsewhere.token, "Refused");
    await expect(page.getByText("403 not_permitted")).toBeVisible();
    await tryOut(page, `${good.token}x`, "Refused");
    await expect(page.getByText("401 bad_authtoken")).toBeVisible();

    const folder = await mkdtemp(join(tmpdir(), "tokentab-gateway-"));
    const { file } = runnable[gateway];
    const saving = page.waitForEvent("download");
    await page.getByRole("button", { name: `Download ${file}` }).click();
    const saved = await saving;
    expect(saved.suggestedFilename()).toBe(file);
    await saved.saveAs(join(folder, file));

    const running = await startGateway(gateway, folder);
    const through = async (headers: Record<string, string> = {}) =>
      (await fetch(`http://127.0.0.1:${port}/orders?page=2`, { headers })).status;
    const bearer = (secret: string) => ({ Authorization: `Bearer ${secret}` });
    try {
      await expect.poll(() => through().catch(() => running.log())).toBe(401);
      expect(await through(bearer(`${good.token}x`))).toBe(401);
      expect(await through(bearer(elsewhere.token))).toBe(403);
      expect(application.seen).toEqual([]);
      expect(await through({ ...bearer(good.token), "X-Agent-Id": "somebody else" })).toBe(200);
      expect(application.seen).toHaveLength(1);
      expect(application.seen[0]).toMatchObject({
        "x-token-id": good.details.id,
        "x-agent-id": agent.id,
        "x-environment-id": production,
      });
      expect(application.seen[0]).not.toHaveProperty("authorization");
      await api.act(`/api_token/${good.details.id}/suspend`);
      expect(await through(bearer(good.token))).toBe(401);
      expect(application.seen).toHaveLength(1);
    } finally {
      await running.stop();
      await application.stop();
      await rm(folder, { recursive: true });
    }
  });
}
