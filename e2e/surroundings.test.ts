import type { Locator } from "@playwright/test";
import type { Created } from "./api";
import { fill, made } from "./fill";
import { expect, test } from "./fixtures";
import { tabTo } from "./keyboard";
import { choose, tokenRow } from "./tokens";

test("a slow connection shows the frame of the page before its code loads", async ({ page, signedIn: _ }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/assets/*.js", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto("/", { waitUntil: "commit" });
  await expect(page.getByText("Tokentab", { exact: true })).toBeVisible();
  await expect(page.getByText("Loading…")).toBeVisible();
  release();
  await expect(page.getByRole("heading", { level: 1, name: "Account" })).toBeVisible();
  await expect(page.getByText("Loading…")).toBeHidden();
});

test("a slow line shows a placeholder for a page until its code has come", async ({ page, signedIn: _ }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(/\/assets\/audit-page-[^/]+\.js$/, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto("/account/api-tokens");
  await page.getByRole("link", { name: "Audit" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Loading" })).toBeVisible();
  release();
  await expect(page.getByRole("heading", { level: 1, name: "Account" })).toBeVisible();
});

test("code that can't be loaded leaves the rest of the page, and is loaded on another try", async ({
  page,
  api,
  problems,
  signedIn: _,
}) => {
  await api.create<Created>("/api_token", { token_scope: "account", name: "Nightly" });
  problems.allow(/ERR_FAILED/);
  const messages = page.getByRole("region", { name: "Notifications" });
  const lost = /\/assets\/(audit-page|move-question)-[^/]+\.js$/;
  await page.route(lost, (route) => route.abort());
  await page.goto("/account/api-tokens");
  await choose(tokenRow(page, "Nightly"), "Revoke");
  await expect(messages.getByText(/^This could not be loaded\..* Then reload the page\./)).toBeVisible();
  await expect(tokenRow(page, "Nightly").getByRole("button", { name: /^Actions for/ })).toBeFocused();

  await page.getByRole("link", { name: "Audit" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Page not loaded" })).toBeVisible();
  const main = page.getByRole("main");
  await expect(main.getByRole("alert")).toContainText("This could not be loaded.");
  await page.getByRole("link", { name: "Agents" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Agents" })).toBeVisible();
  await page.goBack();

  const again = main.getByRole("button", { name: "Try again" });
  await page.route("**/api/v1/session", (route) => route.abort());
  await tabTo(page, again);
  await page.keyboard.press("Enter");
  await expect(messages.getByText(/^Tokentab can’t be reached\./)).toBeVisible();
  await expect(again).toBeFocused();
  await page.unroute("**/api/v1/session");
  await page.unroute(lost);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("table", { name: "Audit" })).toBeVisible();
});

test("code of a page without sign-in that is slow or missing leaves its frame", async ({
  page,
  problems,
  openStranger,
  signedIn: _,
}) => {
  problems.allow(/ERR_FAILED/);
  problems.tolerate(/401 \(Unauthorized\)/); // the page may hear that its session has ended before the answer comes
  const code = /\/assets\/sign-in-page-[^/]+\.js$/;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(code, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto("/profile");
  await page.getByRole("button", { name: /^Account menu/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Loading" })).toBeVisible();
  release();
  await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();

  const other = await openStranger();
  for (const [address, chunk, heading] of [
    ["/sign-in", "sign-in-page", "Sign in"],
    ["/invite#code", "invite-page", "This invite no longer works"],
  ]) {
    const lost = new RegExp(`/assets/${chunk}-[^/]+\\.js$`);
    await other.route(lost, (route) => route.abort());
    await other.goto(address as string);
    await expect(other.getByRole("heading", { level: 1, name: "Page not loaded" })).toBeVisible();
    await other.unroute(lost);
    problems.allow(/404 \(Not Found\)/); // no such invite
    await other.getByRole("button", { name: "Try again" }).click();
    await expect(other.getByRole("heading", { level: 1, name: heading as string })).toBeVisible();
  }
});

test("forced colours keep the selected tab and the primary button distinct", async ({
  page,
  signedIn: _,
}) => {
  await page.emulateMedia({ forcedColors: "active" });
  await page.goto("/account/api-tokens");
  const look = (name: string, role: "link" | "button") =>
    page
      .getByRole(role, { name, exact: true })
      .first()
      .evaluate((element) => {
        const { backgroundColor, borderBottomColor, color } = getComputedStyle(element);
        return { backgroundColor, borderBottomColor, color };
      });
  await expect(page.getByRole("button", { name: "Create API token" }).first()).toBeVisible();
  const selected = await look("API Tokens", "link");
  const other = await look("Details", "link");
  expect(selected.borderBottomColor).not.toBe(other.borderBottomColor);
  expect(selected.color).not.toBe(other.color);
  expect((await look("Account", "link")).color).not.toBe((await look("Agents", "link")).color);
  const primary = await look("Create API token", "button");
  const secondary = await look("Connect", "link");
  expect(primary.backgroundColor).not.toBe(secondary.backgroundColor);
});

test("forced colours keep a disabled button readable, and more contrast gives fields an edge", async ({
  openStranger,
  signedIn: _,
}) => {
  const page = await openStranger();
  await page.emulateMedia({ forcedColors: "active" });
  await page.goto("/sign-in");
  const button = page.getByRole("button", { name: "Sign in" });
  const look = () =>
    button.evaluate((element) => {
      const { backgroundColor, color, opacity } = getComputedStyle(element);
      return { backgroundColor, color, opacity };
    });
  await expect(button).toBeDisabled();
  const disabled = await look();
  expect(disabled.opacity).toBe("1");
  await page.getByRole("textbox", { name: "Email" }).fill("ada@acme.example");
  await page.getByRole("textbox", { name: "Password" }).fill("a long enough secret");
  await expect(button).toBeEnabled();
  const enabled = await look();
  expect(disabled.backgroundColor).not.toBe(enabled.backgroundColor);
  expect(disabled.color).not.toBe(enabled.color);

  const edge = () =>
    page.getByRole("textbox", { name: "Email" }).evaluate((field) => {
      const { borderTopColor, backgroundColor } = getComputedStyle(field);
      return [borderTopColor, backgroundColor].map((color) => color.match(/\d+/g)?.map(Number) ?? []);
    });
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ forcedColors: "none", contrast: "more", colorScheme });
    const [dark = 0, light = 0] = (await edge()).map(luminance).sort((a, b) => a - b);
    expect((light + 0.05) / (dark + 0.05)).toBeGreaterThan(3);
  }
});

/** As WCAG 2.2 defines it. */
function luminance(color: number[]): number {
  const [red = 0, green = 0, blue = 0] = color.map((value) =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test("text follows the browser's font size, as distances do", async ({ page, signedIn: _ }) => {
  await page.goto("/account/api-tokens");
  const button = page.getByRole("button", { name: "Create API token" }).first();
  const look = () =>
    button.evaluate((element) => {
      const { fontSize, lineHeight, height } = getComputedStyle(element);
      return [fontSize, lineHeight, height].map(Number.parseFloat);
    });
  await expect(button).toBeVisible();
  const usual = await look();
  await page.evaluate(() => {
    document.documentElement.style.fontSize = "32px"; // that of most browsers is 16
  });
  expect(await look()).toEqual(usual.map((size) => 2 * size));
});

test("on a phone with text twice as large, the lists scroll in one direction only", async ({
  page,
  api,
  signedIn: _,
}) => {
  const { agentId } = await fill(api);
  await api.create("/admin_user_invite", { email: "grace@acme.example" });
  // More than one page.
  for (let made = 0; made < 45; made++) await api.create("/api_token", { token_scope: "account" });
  await page.setViewportSize({ width: 400, height: 800 });
  const tooWide = () =>
    page.evaluate(() => {
      document.documentElement.style.fontSize = "32px"; // that of most browsers is 16
      const { scrollWidth, clientWidth } = document.documentElement;
      return scrollWidth - clientWidth;
    });
  const account = ["api-tokens", "audit", "invites"].map((tab) => `/account/${tab}`);
  for (const path of [...account, `/agents/${agentId}/deployments`, `/agents/${agentId}/instances`]) {
    await page.goto(path);
    await expect(page.getByRole("row").nth(1).or(page.getByText("No instances yet"))).toBeVisible();
    expect(await tooWide(), path).toBeLessThanOrEqual(0);
  }
  for (const width of [320, 400]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto("/account/api-tokens?sort=created");
    for (const word of ["Active", "Suspended", "Revoked"]) {
      const row = page
        .getByRole("row")
        .filter({ has: page.getByText(word, { exact: true }) })
        .first();
      const status = row.getByText(word, { exact: true });
      await expect(status).toBeVisible();
      expect(await tooWide(), `${width} wide`).toBeLessThanOrEqual(0);
      const [text, menu] = [await status.boundingBox(), await row.getByRole("button").last().boundingBox()];
      expect(text?.height, `${word}, ${width} wide`).toBeLessThan(48); // one line
      expect(text && menu && text.x + text.width <= menu.x, `${word} beside its menu, ${width} wide`).toBe(
        true,
      );
    }
  }
  await page.setViewportSize({ width: 320, height: 800 });
  await page.goto("/account/api-tokens/connect");
  const download = page.getByRole("button", { name: /^Download/ });
  await expect(download).toBeVisible();
  await tooWide();
  const button = await download.boundingBox();
  expect(button && button.x + button.width).toBeLessThanOrEqual(320);
});

test("the menu of a user with a long name fits the window", async ({ page, api, signedIn: _ }) => {
  const [user] = await api.list<{ id: string }>("/admin_user");
  await api.change(`/admin_user/${user?.id}`, { name: "W".repeat(100) });
  for (const [width, opener] of [
    [1280, /^Account menu/],
    [390, "Menu"],
  ] as const) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto("/agents");
    await page.getByRole("button", { name: opener }).click();
    await expect(page.getByRole("menu")).toBeInViewport({ ratio: 1 });
  }
});

test("a row of the tokens breaks no word at any width", async ({ page, api, signedIn: _ }) => {
  await api.create("/api_token", { token_scope: "account", name: "Nightly build" });
  await page.goto("/account/api-tokens");
  const maker = tokenRow(page, /Nightly build/).getByText(/^Created by/);
  for (const width of [320, 390, 640, 768, 834, 1024, 1180, 1280, 1600]) {
    await page.setViewportSize({ width, height: 700 });
    const box = await maker.boundingBox();
    expect(box?.height, `${width} wide`).toBeLessThan(36); // two lines
  }
});

test("names stand out from scopes, and begin at one place whatever the status", async ({
  page,
  api,
  signedIn: _,
}) => {
  for (const name of ["First", "Second", "Third"]) {
    const { details } = await api.create<Created>("/api_token", { token_scope: "account", name });
    if (name === "Second") await api.act(`/api_token/${details.id}/suspend`);
    if (name === "Third") await api.act(`/api_token/${details.id}/revoke`);
  }
  await page.goto("/account/api-tokens");
  const nameOf = (name: string) => tokenRow(page, name).getByText(name, { exact: true });
  const look = (text: Locator) =>
    text.evaluate((element) => {
      const { color, fontWeight } = getComputedStyle(element);
      return { color, fontWeight: Number(fontWeight) };
    });
  const name = await look(nameOf("First"));
  const scope = await look(tokenRow(page, "First").getByText("Account", { exact: true }));
  expect(name.color).not.toBe(scope.color);
  expect(name.fontWeight).toBeGreaterThan(scope.fontWeight);
  for (const width of [320, 834, 1280]) {
    await page.setViewportSize({ width, height: 700 });
    const edges = await Promise.all(
      ["First", "Second", "Third"].map(async (each) => (await nameOf(each).boundingBox())?.x),
    );
    expect(new Set(edges).size, `${width} wide: ${edges}`).toBe(1);
  }
});

for (const width of [390, 1280]) {
  test(`at ${width} px a message leaves the pager in sight`, async ({ page, api, signedIn: _ }) => {
    for (let count = 1; count <= 51; count++) {
      await api.create("/api_token", { token_scope: "account", name: `Token ${count}` });
    }
    await page.setViewportSize({ width, height: 700 });
    await page.goto("/account/api-tokens");
    await choose(tokenRow(page, /Token 51/), "Suspend");
    const message = page.getByRole("group").filter({ hasText: /“Token 51”.*suspended/ });
    await expect(message).toBeVisible();
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
    const next = page.getByRole("button", { name: "Next" });
    const [below, above] = [await message.boundingBox(), await next.boundingBox()];
    expect(above && below && above.y + above.height <= below.y, JSON.stringify({ above, below })).toBe(true);
    await next.click();
    await expect(page.getByText("51–51 of 51")).toBeVisible();
  });
}

test.describe("by touch", () => {
  test.use({ hasTouch: true, viewport: { width: 390, height: 700 } });

  test("a tap on a time shows the exact one, and a tap elsewhere hides it", async ({
    page,
    api,
    signedIn: _,
  }) => {
    await api.create("/api_token", { token_scope: "account", name: "By hand" });
    await page.goto("/account/api-tokens");
    await tokenRow(page, /By hand/)
      .getByRole("button", { name: /ago|now/ })
      .first()
      .tap();
    const exact = page.getByText(/^\d.* UTC$/).filter({ visible: true });
    await expect(exact).toBeVisible();
    await page.getByRole("heading", { level: 1 }).tap();
    await expect(exact).toBeHidden();
  });
});

test("Next leads to the top of the next page, for the keyboard too", async ({ page, api, signedIn: _ }) => {
  for (let count = 1; count <= 55; count++) await made(api, "/agent", { name: `Agent ${count}` });
  await page.setViewportSize({ width: 1200, height: 600 });
  await page.goto("/agents");
  const next = page.getByRole("button", { name: "Next" });
  await next.scrollIntoViewIfNeeded();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/api/v1/agent?*offset%5D=50*", async (route) => {
    await held;
    await route.continue();
  });
  await next.click();
  await expect(page.getByRole("status").filter({ hasText: "Loading page 2…" })).toBeVisible();
  await expect(page.getByRole("table", { name: "Agents" })).toHaveAttribute("aria-busy", "true");
  release();
  await expect(page.getByText("51–55 of 55")).toBeVisible();
  const rows = page.getByRole("table", { name: "Agents" }).getByRole("row");
  await expect(rows.nth(1)).toBeInViewport();
  await page.keyboard.press("Tab");
  await expect(rows.nth(1).locator(":focus")).toBeVisible();
});

test("a form keeps its input when the session ends", async ({ page, context, problems, signedIn: _ }) => {
  problems.tolerate(/401 \(Unauthorized\)/);
  await page.goto("/account/api-tokens");
  await page.getByRole("button", { name: "Create API token" }).first().click();
  const form = page.getByRole("dialog", { name: "Create API token" });
  await form.getByRole("textbox", { name: "Name" }).fill("Nightly build");
  await context.clearCookies();
  const again = page.getByRole("alertdialog", { name: "Your session has ended" });
  await expect(again.getByRole("textbox", { name: "Password" })).toBeFocused();
  await page.keyboard.type("correct horse battery");
  await page.keyboard.press("Enter");
  await expect(again).toBeHidden();
  await expect(form.getByRole("textbox", { name: "Name" })).toHaveValue("Nightly build");
  await expect(form.getByRole("textbox", { name: "Name" })).toBeFocused();
  await context.clearCookies();
  await page.keyboard.press("Enter");
  await expect(again.getByRole("textbox", { name: "Password" })).toBeFocused();
  await page.keyboard.type("correct horse battery");
  await page.keyboard.press("Enter");
  await expect(form.getByRole("alert")).toHaveText("Your session had ended. Try again.");
  await expect(form.getByRole("textbox", { name: "Name" })).toBeFocused();
  await form.getByRole("button", { name: "Create token" }).click();
  await expect(page.getByRole("dialog", { name: /^Save/ })).toBeVisible();
});

test.describe("on paper", () => {
  test.use({ colorScheme: "dark" });

  test("a page is the list alone, in dark ink", async ({ page, api, signedIn: _ }) => {
    await api.create<Created>("/api_token", { token_scope: "account", name: "Nightly" });
    await page.goto("/account/api-tokens");
    const name = tokenRow(page, "Nightly").getByRole("link", { name: /Nightly/ });
    await expect(name).toHaveCSS("color", "rgb(237, 237, 240)");
    await page.emulateMedia({ media: "print" });
    await expect(name).toHaveCSS("color", "rgb(24, 24, 27)");
    await expect(page.getByRole("banner")).toBeHidden();
    await page.setViewportSize({ width: 390, height: 844 });
    await expect(page.getByRole("banner")).toBeHidden();
    await expect(name).toBeVisible();
  });
});

test.describe("on a touch screen", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("each link is high enough for a finger, and none covers another", async ({
    page,
    api,
    signedIn: _,
  }) => {
    const { details: agent } = await api.create<Created>("/agent", { name: "Invoice reader" });
    const { details: token } = await api.create<Created>("/api_token", {
      token_scope: "account",
      name: "Nightly",
    });
    for (const path of [
      "/account/api-tokens",
      "/account/audit",
      "/account/api-tokens/connect",
      "/agents",
      `/agents/${agent.id}/deployments`,
      `/account/api-tokens/${token.id}`,
    ]) {
      await page.goto(path);
      await expect(
        page
          .getByRole("main")
          .getByText(/Nightly|Invoice reader|Connect a gateway/)
          .first(),
      ).toBeVisible();
      const links = await page.getByRole("main").getByRole("link").all();
      for (const link of links) {
        const name = `${path}: ${await link.textContent()}`;
        expect((await link.boundingBox())?.height, name).toBeGreaterThanOrEqual(24);
        await link.click({ trial: true });
      }
    }
  });
});
