import type { BrowserContext, Page, Request } from "@playwright/test";
import type { Created } from "./api";
import { expect, test } from "./fixtures";
import { copyAndClose, submitNewToken, tokenRow } from "./tokens";

/** Collects the texts of all answers from now on. */
function recordAnswers(page: Page): () => Promise<string[]> {
  const answers: Promise<string>[] = [];
  page.on("response", (response) => {
    const told = [response.url(), JSON.stringify(response.headers())].join(" ");
    // Redirects and aborted answers have no body.
    answers.push(
      response.text().then(
        (body) => `${told} ${body}`,
        () => told,
      ),
    );
  });
  return () => Promise.all(answers);
}

/** The contents of all the places where a page can store data. */
async function keptBy(page: Page, context: BrowserContext): Promise<string> {
  const inPage = await page.evaluate(async () => {
    const fields = [...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("input, textarea")];
    return JSON.stringify({
      dom: document.documentElement.outerHTML,
      fields: fields.map((field) => field.value),
      title: document.title,
      local: { ...localStorage },
      session: { ...sessionStorage },
      // The page has no database and no cache.
      databases: await indexedDB.databases(),
      caches: await caches.keys(),
      serviceWorkers: (await navigator.serviceWorker.getRegistrations()).length,
      historyState: history.state,
      cookie: document.cookie,
      windowName: window.name,
    });
  });
  const devtools = await context.newCDPSession(page);
  const visited = await devtools.send("Page.getNavigationHistory");
  await devtools.detach();
  return JSON.stringify([inPage, page.url(), visited.entries, await context.cookies()]);
}

/** Whether any string in the page's memory holds the text, after a garbage collection. */
async function remembers(page: Page, text: string): Promise<boolean> {
  const devtools = await page.context().newCDPSession(page);
  const parts: string[] = [];
  devtools.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => parts.push(chunk));
  await devtools.send("HeapProfiler.collectGarbage");
  await devtools.send("HeapProfiler.takeHeapSnapshot");
  await devtools.detach();
  return parts.join("").includes(text);
}

async function expectForgotten(page: Page, secret: string) {
  await expect.poll(() => remembers(page, secret), { timeout: 90_000 }).toBe(false); // a look takes many seconds on a slow machine
}

async function openNewToken(page: Page, name = "Once"): Promise<string> {
  // From another page, so that Back has a target.
  await page.goto("/agents");
  await page.getByRole("link", { name: "Account" }).click();
  await page.getByRole("button", { name: "Create API token" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill(name);
  return submitNewToken(page);
}

test("after the dialog is closed, the secret is only in the answer that created it", async ({
  page,
  context,
  server,
  signedIn: _,
}) => {
  const answers = recordAnswers(page);
  const secret = await openNewToken(page);
  expect(await keptBy(page, context), "shown while the dialog is open").toContain(secret);
  await copyAndClose(page);
  expect(await keptBy(page, context)).not.toContain(secret);

  // The list polls, other pages load more, and Back leads to no earlier state.
  await page.waitForResponse((response) => response.url().includes("/api/v1/api_token?"));
  await page.getByRole("link", { name: "Agents" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Agents" })).toBeVisible();
  await page.goBack();
  await expect(tokenRow(page, /Once/)).toBeVisible();
  expect(await keptBy(page, context)).not.toContain(secret);
  await page.reload();
  await expect(tokenRow(page, /Once/)).toBeVisible();
  expect(await keptBy(page, context)).not.toContain(secret);

  const holders = (await answers()).filter((answer) => answer.includes(secret));
  expect(holders).toHaveLength(1);
  expect(holders[0]).toContain(`${server.origin}/api/v1/api_token `);
  expect(server.log()).not.toContain(secret);
});

test("the page forgets the secret when the dialog is closed", async ({ page, signedIn: _ }) => {
  const secret = await openNewToken(page);
  expect(await remembers(page, secret)).toBe(true);
  await copyAndClose(page);
  await expectForgotten(page, secret);
});

test("Escape, a click outside and Back ask the same question until the secret is copied", async ({
  page,
  signedIn: _,
}) => {
  const secret = await openNewToken(page);
  const dialog = page.getByRole("dialog", { name: "Save this token now" });
  const value = dialog.getByRole("textbox", { name: "Token value" });
  const question = page.getByRole("alertdialog", { name: "Close without copying?" });
  for (const leave of [
    () => page.keyboard.press("Escape"),
    () => page.mouse.click(5, 5),
    () => page.evaluate(() => history.back()),
  ]) {
    await leave();
    await question.getByRole("button", { name: "Back to the token" }).click();
    await expect(question).toBeHidden();
    await expect(value).toHaveValue(secret);
  }
  await dialog.getByRole("button", { name: "Copy token" }).click();
  await expect(dialog.getByRole("status").filter({ hasText: "Copied" })).toBeAttached();
  await page.mouse.click(5, 5);
  await expect(value, "a click beside the dialog loses nothing").toHaveValue(secret);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
});

test("a page that the browser kept in memory does not show the secret again", async ({
  page,
  signedIn: _,
}) => {
  const secret = await openNewToken(page);
  // Chromium keeps no page that is not stored, others do.
  const loaded = page.waitForEvent("load");
  await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await loaded;
  await expect(page.getByRole("button", { name: "Create API token" })).toBeVisible();
  expect(await remembers(page, secret)).toBe(false);
});

test("a token with a lost answer is found, and revoked before another is created", async ({
  page,
  problems,
  signedIn: _,
}) => {
  problems.allow(/ERR_FAILED/);
  let requests = 0;
  await page.route(/\/api\/v1\/api_token$/, async (route) => {
    if (requests++ > 0) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await page.goto("/account/api-tokens");
  await page.getByRole("button", { name: "Create API token" }).click();
  const name = page.getByRole("dialog").getByRole("textbox", { name: "Name" });
  await name.fill("Billing");
  await page.getByRole("button", { name: "Create token" }).click();
  const lost = page.getByRole("dialog", { name: "The secret of this token is lost" });
  await expect(lost).toContainText("“Billing”");
  await lost.getByRole("button", { name: "Revoke token" }).click();
  await expect(name).toHaveValue("Billing");
  await expect(name).toBeFocused();
  await submitNewToken(page);
  await copyAndClose(page);
  await expect(tokenRow(page, /Revoked.*Billing/)).toHaveCount(1);
  await expect(tokenRow(page, /Active.*Billing/)).toHaveCount(1);
});

test("a new token is visible and marked from any page of the list", async ({ page, api, signedIn: _ }) => {
  for (let made = 0; made < 51; made++) await api.create("/api_token", { token_scope: "account" });
  await page.goto("/account/api-tokens?page=2");
  await expect(page.getByText("51–51 of 51")).toBeVisible();
  await page.getByRole("button", { name: "Create API token" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill("Fresh");
  await submitNewToken(page);
  await copyAndClose(page);
  await expect(tokenRow(page, /Fresh.*New/)).toBeInViewport();
  await expect(page).toHaveURL(/api-tokens$/);

  // One Tab stop per row besides its menu, so two rows take four presses, and one checkbox.
  const stops = await page
    .getByRole("table")
    .evaluate(
      (table) =>
        [...table.querySelectorAll<HTMLElement>("tbody :is(a, button, input)")].filter(
          (one) => one.tabIndex === 0,
        ).length,
    );
  expect(stops).toBe(101);
});

test("closing before a copy asks first", async ({ page, signedIn: _ }) => {
  const secret = await openNewToken(page);
  const dialog = page.getByRole("dialog", { name: "Save this token now" });
  const question = page.getByRole("alertdialog", { name: "Close without copying?" });
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(question).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(question).toBeHidden();
  await expect(dialog.getByRole("textbox", { name: "Token value" })).toHaveValue(secret);
  await dialog.getByRole("button", { name: "Done" }).click();
  await question.getByRole("button", { name: "Close without copying" }).click();
  await expect(dialog).toBeHidden();
  expect(await page.content()).not.toContain(secret);
});

for (const width of [320, 390]) {
  test(`at ${width} px the question's buttons are in sight whole, and the title keeps its line`, async ({
    page,
    signedIn: _,
  }) => {
    await openNewToken(page);
    await page.setViewportSize({ width, height: 640 });
    await page.getByRole("dialog").getByRole("button", { name: "Done" }).click();
    const question = page.getByRole("alertdialog", { name: "Close without copying?" });
    const buttons = question.getByRole("button");
    await expect(buttons).toHaveCount(2);
    for (const button of await buttons.all()) {
      await expect(button).toBeInViewport({ ratio: 1 });
      expect(await button.evaluate((one) => one.scrollWidth <= one.clientWidth), "its text fits").toBe(true);
    }
    await question.getByRole("button", { name: "Close without copying" }).click();
    const title = page.getByRole("heading", { level: 1, name: "Account" });
    expect((await title.boundingBox())?.height, "one line").toBeLessThan(40);
  });
}

for (const width of [320, 390, 1280]) {
  test(`at ${width} px the whole secret shows, and a cut value says that it is cut`, async ({
    page,
    signedIn: _,
  }) => {
    await page.setViewportSize({ width, height: 900 });
    await page.goto("/account/api-tokens");
    await page.getByRole("button", { name: "Create API token" }).click();
    const secret = await submitNewToken(page);
    const fits = (name: string) =>
      page
        .getByRole("textbox", { name })
        .evaluate(
          (field) => field.scrollHeight <= field.clientHeight && field.scrollWidth <= field.clientWidth,
        );
    expect(await fits("Token value")).toBe(true);
    expect(await fits("Test command")).toBe(false);
    const command = page.getByRole("textbox", { name: "Test command" });
    await expect(command).toHaveAccessibleDescription(
      /^Only the beginning is shown\. Copy takes all \d+ characters\.$/,
    );
    expect(await command.inputValue()).toContain(secret);
  });
}

test("the environment variables hold this server's address and the secret", async ({
  page,
  server,
  signedIn: _,
}) => {
  const secret = await openNewToken(page);
  await expect(page.getByRole("textbox", { name: "Environment variables" })).toHaveValue(
    `PREFACTOR_API_URL=${server.origin}\nPREFACTOR_API_TOKEN=${secret}`,
  );
});

test("a tested token is sent once, and forgotten when the user leaves the page", async ({
  page,
  context,
  server,
  api,
  signedIn: _,
}) => {
  const { token: secret } = await api.create<Created>("/api_token", { token_scope: "account" });
  const requests: Request[] = [];
  page.on("request", (request) => requests.push(request));
  await page.goto("/account/api-tokens/connect");
  await page.getByRole("textbox", { name: "Token", exact: true }).fill(secret);
  await page.getByRole("button", { name: "Send test request" }).click();
  await expect(page.getByText("Passes", { exact: true })).toBeVisible();
  const texts = requests.map(async (request) => {
    const headers = JSON.stringify(await request.allHeaders());
    return `${request.method()} ${request.url()} ${headers} ${request.postData()}`;
  });
  const sent = (await Promise.all(texts)).filter((text) => text.includes(secret));
  expect(sent).toHaveLength(1);
  expect(sent[0]).toContain(`GET ${server.origin}/api/v1/validate?account_id=`);
  expect(sent[0], "without the session").not.toContain("cookie");

  await page.getByRole("link", { name: "Back to API tokens" }).click();
  await expect(page.getByRole("button", { name: "Create API token" })).toBeVisible();
  expect(await keptBy(page, context)).not.toContain(secret);
  await expectForgotten(page, secret);
  await page.goBack();
  await expect(page.getByRole("textbox", { name: "Token", exact: true })).toHaveValue("");
  expect(server.log()).not.toContain(secret);
});

test.describe("without a clipboard API, as on plain HTTP", () => {
  test.beforeEach(async ({ context }) => {
    await context.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined });
      document.addEventListener("copy", () => {
        document.body.dataset.copies = String(Number(document.body.dataset.copies ?? 0) + 1);
      });
    });
  });

  test("the copy button still copies the secret", async ({ page, signedIn: _ }) => {
    const secret = await openNewToken(page);
    await copyAndClose(page);
    await expect(page.locator("body")).toHaveAttribute("data-copies", "1");

    // The field takes the first 100 characters.
    await page.getByRole("button", { name: "Create API token" }).click();
    const field = page.getByRole("dialog").getByRole("textbox", { name: "Name" });
    await field.focus();
    await page.keyboard.press("Control+V");
    await expect(field).toHaveValue(secret.slice(0, 100));
  });

  test("a failed copy is reported, and leaves the secret selected", async ({
    page,
    context,
    signedIn: _,
  }) => {
    await context.addInitScript(() => {
      document.execCommand = () => false;
    });
    const secret = await openNewToken(page);
    const dialog = page.getByRole("dialog", { name: "Save this token now" });
    await dialog.getByRole("button", { name: "Copy token" }).click();
    await expect(dialog.getByText(/did not let us copy/)).toBeVisible();
    await expect(dialog.getByText("Copied")).toHaveCount(0);
    const selected = await dialog
      .getByRole("textbox", { name: "Token value" })
      .evaluate((field: HTMLTextAreaElement) => field.value.slice(field.selectionStart, field.selectionEnd));
    expect(selected).toBe(secret);
    await dialog.getByRole("button", { name: "Done" }).click();
    await expect(page.getByRole("alertdialog", { name: "Close without copying?" })).toBeVisible();
  });
});
