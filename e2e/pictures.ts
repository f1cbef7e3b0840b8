import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, type Page, test } from "@playwright/test";
import { freePort } from "./gateway";
import { signIn } from "./sign-in";
import { tokenRow } from "./tokens";

/* Takes the pictures of the README and docs from the demo's account. */

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const founder = { email: "ada@northwind.example", password: "the pictures show no secret" };

let origin: string;
let stop: () => Promise<void>;

test.beforeAll(async () => {
  test.setTimeout(300_000);
  const data = await mkdtemp(join(tmpdir(), "tokentab-demo-"));
  execFileSync("go", ["run", "./demo", data, founder.password], { cwd: root, stdio: "inherit" });
  const listen = `127.0.0.1:${await freePort()}`;
  const program = spawn(join(root, "bin", "tokentab"), ["serve", "--data", data, "--listen", listen]);
  // Its first line says that it serves.
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: program.stderr }).once("line", () => resolve());
    program.once("exit", (code) => reject(new Error(`The server ended with code ${code}.`)));
  });
  origin = `http://${listen}`;
  stop = async () => {
    program.removeAllListeners("exit");
    const ended = new Promise((resolve) => program.once("exit", resolve));
    program.kill("SIGTERM");
    await ended;
    await rm(data, { recursive: true, force: true });
  };
});

test.afterAll(() => stop());

const pictures: Record<string, (page: Page) => Promise<void>> = {
  "api-tokens": async (page) => {
    await expect(tokenRow(page, /Nightly build/)).toBeVisible();
  },
  "api-token": async (page) => {
    await tokenRow(page, /GitHub Actions/)
      .getByRole("link", { name: "GitHub Actions" })
      .click();
    await expect(page.getByRole("heading", { level: 1, name: /GitHub Actions/ })).toBeVisible();
    await expect(page.getByText("198.51.100.14")).toBeVisible();
  },
};

for (const colorScheme of ["light", "dark"] as const) {
  test(`pictures, ${colorScheme}`, async ({ browser }) => {
    const context = await browser.newContext({
      colorScheme,
      viewport: { width: 1280, height: 860 },
      deviceScaleFactor: 1.5,
      reducedMotion: "reduce",
      baseURL: origin,
    });
    const page = await context.newPage();
    await page.goto("/sign-in");
    await signIn(page, founder);
    await page.waitForURL(/account|agents/);
    for (const [name, go] of Object.entries(pictures)) {
      await page.goto("/account/api-tokens?sort=expires");
      await go(page);
      await page.mouse.move(0, 0);
      await page.screenshot({ path: join(root, "docs", `${name}-${colorScheme}.png`) });
    }
    await context.close();
  });
}
