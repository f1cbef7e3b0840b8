import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { type Api, type Created, founder } from "./api";
import { made } from "./fill";
import { expect, test } from "./fixtures";
import { freePort, runnable, startGateway } from "./gateway";
import { tokenRow } from "./tokens";

test.use({ live: true });

const deploy = join(dirname(fileURLToPath(import.meta.url)), "..", "deploy");

/** Opens the tab, and waits until the server tells it of changes. */
async function listen(page: Page, address = "/account/api-tokens") {
  const stream = page.waitForResponse(/\/api\/v1\/changes$/);
  await page.goto(address);
  expect((await stream).status()).toBe(200);
  // It has also loaded again what may have changed before.
  await page.waitForLoadState();
  await expect(page.getByRole("heading", { level: 1, name: "Account" })).toBeVisible();
}

const soon = { timeout: 2_000 };

/**
 * Three changes by others in a row each appear within two seconds, which no polls manage. A machine may be too busy for
 * that, so there are more tries.
 */
async function showsWhatOthersDo(page: Page, api: Api) {
  let tries = 0;
  await expect(async () => {
    const name = `Nightly ${++tries}`;
    const nightly = await api.create<Created>("/api_token", { token_scope: "account", name });
    const row = tokenRow(page, name);
    await expect(row).toBeVisible(soon);
    await expect(row).toContainText("Waiting for first use", soon);
    expect((await api.validate(nightly.token)).status).toBe(200);
    await expect(row).not.toContainText("Waiting for first use", soon);
    await api.act(`/api_token/${nightly.details.id}/suspend`);
    await expect(row).toContainText("Suspended", soon);
  }).toPass({ timeout: 60_000 });
}

test("what others do shows within two seconds, and an open dialog keeps its input", async ({
  page,
  api,
  signedIn: _,
}) => {
  await listen(page);
  await showsWhatOthersDo(page, api);

  await page.getByRole("button", { name: "Create API token" }).click();
  const name = page.getByRole("dialog").getByRole("textbox", { name: "Name" });
  await name.fill("Mine");
  const polled = page.waitForRequest(
    (request) =>
      request.url().includes("/api/v1/api_token?") && Boolean(request.headers()["x-tokentab-background"]),
  );
  for (const others of ["Hourly", "Weekly"]) {
    await api.create<Created>("/api_token", { token_scope: "account", name: others });
    await expect(page.getByText(others, { exact: true })).toBeVisible();
  }
  await polled; // it does not keep the session alive
  await expect(name).toHaveValue("Mine");
  await expect(name).toBeFocused();
});

test("a tab too many polls", async ({ page, context, api, problems, signedIn: _ }) => {
  problems.allow(/429 \(Too Many Requests\)/);
  await listen(page);
  const more = [];
  for (let i = 0; i < 3; i++) {
    more.push(await context.newPage());
    await listen(more[i] as Page);
  }
  const last = await context.newPage();
  const refused = last.waitForResponse(/\/api\/v1\/changes$/);
  await last.goto("/account/api-tokens");
  expect((await refused).status()).toBe(429);
  await api.create<Created>("/api_token", { token_scope: "account", name: "Nightly" });
  await expect(tokenRow(last, "Nightly")).toBeVisible();
  await expect(tokenRow(page, "Nightly")).toBeVisible();
});

test("a tab notices at once that its session has ended elsewhere", async ({
  page,
  context,
  server,
  problems,
  signedIn: _,
}) => {
  await listen(page);
  problems.tolerate(/401 \(Unauthorized\)/); // unless the page asks for its session first, which is no error
  await context.request.delete(`${server.origin}/api/v1/session`, { headers: { Origin: server.origin } });
  // Long before the next poll, which comes after a minute.
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
});

for (const proxy of ["nginx", "Caddy"] as const) {
  test(`the stream passes ${proxy} with the file of deploy/`, async ({ browser, server, api, problems }) => {
    await api.setUp();
    const { token } = await api.create<Created>("/api_token", { token_scope: "account", name: "Gateway" });
    await made(api, "/agent", { name: "Invoice reader" });
    const folder = await mkdtemp(join(tmpdir(), "tokentab-live-"));
    const { file } = runnable[proxy];
    const port = await freePort();
    const tokentab = new URL(server.origin).host;
    const text = await readFile(join(deploy, file), "utf8");
    // The application behind the gateway is Tokentab itself.
    const filled = text
      .replaceAll("127.0.0.1:8080", tokentab)
      .replaceAll("127.0.0.1:9000", tokentab)
      .replaceAll(":8000", `:${port}`);
    await writeFile(join(folder, file), filled);
    const running = await startGateway(proxy, folder);
    const origin = `http://127.0.0.1:${port}`;
    const extraHTTPHeaders = { Authorization: `Bearer ${token}` };
    const context = await browser.newContext({ baseURL: origin, extraHTTPHeaders });
    try {
      await problems.watch(context);
      await expect
        .poll(() =>
          fetch(origin).then(
            ({ status }) => status,
            () => running.log(),
          ),
        )
        .toBe(401);
      const { email, password } = founder;
      const details = { email, password };
      const answer = await context.request.post(`${origin}/api/v1/session`, { data: { details } });
      expect(answer.status(), await answer.text()).toBe(200);
      const page = await context.newPage();
      await listen(page);
      await showsWhatOthersDo(page, api);
    } finally {
      await context.close();
      await running.stop();
      await rm(folder, { recursive: true });
    }
  });
}
