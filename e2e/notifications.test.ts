import { createHmac } from "node:crypto";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { expectAccessible } from "./accessible";
import { expect, test } from "./fixtures";
import { tabTo } from "./keyboard";
import { tokenRow } from "./tokens";

test.use({ flags: ["--allow-private-webhooks"] });

interface Message {
  type: string;
  data: { total: number; tokens: { name: string; expired: boolean }[] };
}

/** A receiver that accepts only messages signed with its secret, as Standard Webhooks describes. */
class Receiver {
  secret = "";
  /** The status of its answers to signed tests. It accepts all other signed messages. */
  testStatus = 204;
  readonly messages: Message[] = [];
  readonly #server: HttpServer;

  constructor() {
    this.#server = createServer(async (request, response) => {
      let body = "";
      for await (const part of request.setEncoding("utf8")) body += part;
      const id = String(request.headers["webhook-id"]);
      const timestamp = String(request.headers["webhook-timestamp"]);
      const key = Buffer.from(this.secret.replace(/^whsec_/, ""), "base64");
      const mac = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
      const signed = request.headers["webhook-signature"] === `v1,${mac}`;
      const fresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < 60;
      if (!signed || !fresh || request.method !== "POST") {
        response.writeHead(401).end();
        return;
      }
      const message = JSON.parse(body) as Message;
      this.messages.push(message);
      response.writeHead(message.type === "webhook.test" ? this.testStatus : 204).end();
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop() {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const details = "/account/details";
const fact = (page: Page, name: string) => page.getByRole("term").filter({ hasText: name }).locator("+ dd");

/** Reads the secret that a dialog shows, and copies it by hand. */
async function takeSecret(page: Page): Promise<string> {
  const field = page.getByRole("textbox", { name: "Signing secret" });
  await expect(field).toBeFocused();
  const secret = await field.inputValue();
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  await tabTo(page, page.getByRole("button", { name: "Copy secret" }));
  await page.keyboard.press("Enter");
  await expect(page.getByText("Copied")).not.toHaveCount(0);
  await tabTo(page, page.getByRole("button", { name: "Done" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  return secret;
}

test("a webhook is set up by keyboard, tested, and told of an expired token", async ({
  page,
  api,
  context,
  problems,
  signedIn: _,
}) => {
  problems.allow(/422 \(Unprocessable Entity\)/);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const receiver = new Receiver();
  const url = `${await receiver.start()}/hooks/${"long-".repeat(60)}end`;
  await page.goto(details);
  const setUp = page.getByRole("button", { name: "Set up webhook" });
  await expect(setUp).toBeVisible();
  await expectAccessible(page);
  await tabTo(page, setUp);
  await page.keyboard.press("Enter");
  const field = page.getByRole("textbox", { name: "URL" });
  await expect(field).toBeFocused();
  await page.keyboard.type("http://8.8.8.8/");
  await page.keyboard.press("Enter");
  await expect(page.getByText(/public, so it needs https/)).toBeVisible();
  await expect(field).toBeFocused();
  await expectAccessible(page);
  await field.fill(url);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Save this secret now" })).toBeVisible();
  await expectAccessible(page);
  receiver.secret = await takeSecret(page);
  await expect(fact(page, "Webhook")).toContainText(url);

  receiver.testStatus = 500;
  const send = page.getByRole("button", { name: "Send test" });
  await tabTo(page, send);
  await page.keyboard.press("Enter");
  const failed = "Test failed: The receiver answered with status 500.";
  await expect(page.getByRole("status").filter({ hasText: failed })).toBeVisible();
  expect(receiver.messages.filter(({ type }) => type === "webhook.test")).toHaveLength(1);
  await expect(send).toBeFocused();
  await expectAccessible(page);

  receiver.testStatus = 204;
  await api.create("/api_token", { token_scope: "account", name: "Spent", expires_in: 1 });
  // The program looks every ten seconds.
  await expect(async () => {
    await page.reload();
    const told = "Message accepted with status 204";
    await expect(fact(page, "Last message")).toContainText(told, { timeout: 2_000 });
  }).toPass();
  expect(receiver.messages.find(({ type }) => type === "api_token.expiring")).toMatchObject({
    data: { total: 1, tokens: [{ name: "Spent", expired: true }] },
  });

  const replace = page.getByRole("button", { name: "Replace secret" });
  await replace.press("Enter");
  const question = page.getByRole("dialog", { name: "Replace the signing secret?" });
  await expectAccessible(page);
  await question.getByRole("button", { name: "Replace secret" }).press("Enter");
  const old = receiver.secret;
  receiver.secret = await takeSecret(page);
  expect(receiver.secret).not.toBe(old);
  await expect(replace).toBeFocused();
  problems.tolerate(/429 \(Too Many Requests\)/); // within five seconds of the first test
  await expect(async () => {
    await send.press("Enter");
    const told = "Test accepted with status 204";
    await expect(fact(page, "Last message")).toContainText(told, { timeout: 1_000 });
  }).toPass();
  await page.setViewportSize({ width: 320, height: 700 });
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(await wide()).toBeLessThanOrEqual(0);

  await page.getByRole("button", { name: "Delete", exact: true }).press("Enter");
  await page.getByRole("button", { name: "Delete webhook" }).press("Enter");
  await expect(setUp).toBeFocused();
  await page.reload();
  await expect(fact(page, "Webhook")).toContainText("Not set");
  await receiver.stop();
});

test("a banner leads to the tokens that expire soon, moves nothing, and stays dismissed", async ({
  page,
  api,
  signedIn: _,
}) => {
  await api.create("/api_token", { token_scope: "account", name: "Lasting" });
  await api.create("/api_token", { token_scope: "account", name: "Trial", expires_in: 3 * 86_400 });
  await page.addInitScript(() => {
    const shifts: number[] = [];
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries())
        shifts.push((entry as PerformanceEntry & { value: number }).value);
    }).observe({ type: "layout-shift", buffered: true });
  });
  const link = page.getByRole("link", { name: "1 token expires within 14 days" });
  const dismiss = page.getByRole("button", { name: "Dismiss for a day" });
  for (const width of [1440, 390, 320]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto("/account/api-tokens");
    await expect(link).toBeInViewport();
    await expect(tokenRow(page, /Trial/)).toBeVisible();
    expect(
      await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts),
      `${width} px`,
    ).toEqual([]);
    const box = await link.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
    expect(box, `the text is whole at ${width} px`).toBeLessThanOrEqual(0);
  }
  await expectAccessible(page);
  await tabTo(page, link);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL("/account/api-tokens?expires=14");
  await expect(tokenRow(page, /Lasting/)).toHaveCount(0);
  await expect(tokenRow(page, /Trial/)).toBeVisible();
  await expect(page.getByRole("button", { name: /^Filter/ })).toBeFocused();
  await page.goBack();
  await tabTo(page, dismiss);
  await page.keyboard.press("Enter");
  await expect(link).toHaveCount(0);
  await page.reload();
  await expect(tokenRow(page, /Trial/)).toBeVisible();
  await expect(page.getByRole("button", { name: /^Expiring/ })).toHaveAccessibleName(/ 1$/);
  await expect(link).toHaveCount(0);
});
