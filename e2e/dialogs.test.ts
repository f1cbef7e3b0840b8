import type { Page } from "@playwright/test";
import type { Created } from "./api";
import { expect, test } from "./fixtures";
import { tabTo } from "./keyboard";

test.use({ contextOptions: { reducedMotion: "no-preference" } });

/** The button that opens a dialog, or the button of a menu and its entry. */
interface Way {
  path: string;
  button: string | RegExp;
  entry?: string;
  dialog: string;
}

/** Opens a dialog by keyboard and leaves it by Escape. */
async function walk(page: Page, { path, button, entry, dialog: name }: Way) {
  if (new URL(page.url()).pathname !== path) await page.goto(path);
  const opener = page.getByRole("main").getByRole("button", { name: button, exact: true }).first();
  await tabTo(page, opener);
  await page.keyboard.press("Enter");
  if (entry) {
    const item = page.getByRole("menuitem", { name: entry, exact: true });
    await expect(item).toBeVisible();
    for (let presses = 0; presses < 5 && !(await item.evaluate(isFocused)); presses++) {
      await page.keyboard.press("ArrowDown");
    }
    await page.keyboard.press("Enter");
  }
  const dialog = page.getByRole(/\?$/.test(name) ? "alertdialog" : "dialog", { name });
  await expect(dialog).toBeVisible();
  const holdsFocus = () =>
    expect
      .poll(
        () => dialog.evaluate((element) => element.contains(document.activeElement)),
        `focus in “${name}”`,
      )
      .toBe(true);
  await holdsFocus();
  // Past the first element and past the last.
  for (const key of ["Shift+Tab", "Tab"]) {
    await page.keyboard.press(key);
    await holdsFocus();
  }
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(opener, `after “${name}”`).toBeFocused();
}

const isFocused = (element: Element) => element === document.activeElement;

test("all dialogs open, trap the focus, close and return it by keyboard", async ({
  page,
  api,
  signedIn: _,
}) => {
  await api.invite("grace@acme.example");
  const guest = { name: "Grace Hopper", password: "a moth in the relay" };
  await api.join(await api.invite("hopper@acme.example"), guest);
  const agent = await api.create<{ details: { id: string } }>("/agent", { name: "Invoice reader" });
  const agentPath = `/agents/${agent.details.id}`;
  const ways: Way[] = [
    { path: "/account/details", button: "Edit", dialog: "Edit account" },
    { path: "/account/details", button: "Delete account", dialog: "Delete this account?" },
    { path: "/account/team", button: "Invite a team member", dialog: "Invite a team member" },
    {
      path: "/account/team",
      button: "Actions for Grace Hopper",
      entry: "Remove member",
      dialog: "Remove this member?",
    },
    {
      path: "/account/invites",
      button: "Actions for the invite of grace@acme.example",
      entry: "Revoke",
      dialog: "Revoke this invite?",
    },
    { path: "/account/environments", button: "Create environment", dialog: "Create environment" },
    {
      path: "/account/environments",
      button: "Actions for Production",
      entry: "Edit",
      dialog: "Edit environment",
    },
    {
      path: "/account/environments",
      button: "Actions for Production",
      entry: "Delete",
      dialog: "Delete this environment?",
    },
    { path: "/profile", button: "Edit", dialog: "Edit profile" },
    { path: "/profile", button: "Change password", dialog: "Change password" },
    { path: `${agentPath}/deployments`, button: "Edit", dialog: "Edit agent" },
    {
      path: `${agentPath}/deployments`,
      button: "Actions for Invoice reader",
      entry: "Retire",
      dialog: "Retire this agent?",
    },
    {
      path: `${agentPath}/versions`,
      button: "Actions for Invoice reader",
      entry: "Delete",
      dialog: "Delete this agent?",
    },
  ];
  await page.goto("/");
  for (const way of ways) await walk(page, way);
});

test("the CLI is connected by keyboard, and the token survives Escape", async ({
  page,
  api,
  signedIn: _,
}) => {
  await page.goto("/cli/connect");
  await tabTo(page, page.getByRole("button", { name: "Connect the CLI" }));
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Save this token now" });
  const value = dialog.getByRole("textbox", { name: "Token value" });
  await expect(value).toBeFocused();
  await page.keyboard.press("Escape");
  const question = page.getByRole("alertdialog", { name: "Close without copying?" });
  await expect(question).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(question).toBeHidden();
  const secret = await value.inputValue();
  await tabTo(page, dialog.getByRole("button", { name: "Copy token" }));
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("status").filter({ hasText: "Copied" })).toBeAttached();
  await tabTo(page, dialog.getByRole("button", { name: "Done" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Token created" })).toBeVisible();
  expect((await api.ping(secret)).status).toBe(200);
  await tabTo(page, page.getByRole("link", { name: "API tokens" }));
});

test("names without spaces and menus fit a window that is enlarged four times", async ({
  page,
  api,
  signedIn: _,
}) => {
  await page.setViewportSize({ width: 320, height: 256 });
  const name = "W".repeat(100);
  const { details } = await api.create<{ details: { id: string } }>("/agent", { name });
  const isTooWide = (element: Element) => element.scrollWidth > element.clientWidth;

  await page.goto(`/agents/${details.id}/instances`);
  await expect(page.getByText(`An instance is one run of ${name}.`)).toBeVisible();
  expect(await page.locator("html").evaluate(isTooWide), "the page").toBe(false);
  await page.goto(`/agents/${details.id}/deployments`);
  await page.getByRole("button", { name: "Create deployment token" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create deployment token" });
  await expect(dialog.getByText(`It gives ${name} access`)).toBeVisible();
  expect(await dialog.evaluate(isTooWide), "the dialog").toBe(false);

  await api.create<Created>("/api_token", { token_scope: "account", name: "CI" });
  await page.goto("/account/api-tokens");
  await page.getByRole("button", { name: /^Actions for “CI”/ }).click();
  const last = page.getByRole("menuitem", { name: "Copy ID" });
  await last.scrollIntoViewIfNeeded();
  await expect(last, "the last entry of the menu").toBeInViewport({ ratio: 1 });
});

test("in a window that is enlarged four times, buttons of a dialog never hide what has the focus", async ({
  page,
  signedIn: _,
}) => {
  await page.setViewportSize({ width: 320, height: 256 });
  for (const [path, button, presses] of [
    ["/account/details", "Edit", 5],
    ["/profile", "Change password", 6],
    ["/account/api-tokens", "Create API token", 6],
  ] as const) {
    await page.goto(path);
    await page.getByRole("button", { name: button, exact: true }).first().click();
    const dialog = page.getByRole("dialog");
    const focused = dialog.locator(":focus");
    const footer = dialog.locator(".sticky");
    for (let press = 0; press <= presses; press++) {
      await expect(focused).toHaveCount(1);
      if ((await footer.locator(":focus").count()) === 0) {
        const [field, buttons] = [await focused.boundingBox(), await footer.boundingBox()];
        const place = `${button}, ${press} times Tab: ${JSON.stringify({ field, buttons })}`;
        expect(field && buttons && field.y >= 0 && field.y < buttons.y, place).toBe(true);
      }
      await page.keyboard.press("Tab");
    }
  }
});

test("an element that hides behind a dialog does not get the focus when it closes", async ({
  page,
  api,
  signedIn: _,
}) => {
  const { details: agent } = await api.create<Created>("/agent", { name: "Invoice reader" });
  await page.goto("/agents");
  // Below the router, which would open the dialog now and drop it from the address.
  await page.evaluate((url) => {
    History.prototype.pushState.call(history, null, "", url);
    History.prototype.pushState.call(history, null, "", "/agents");
  }, `/agents/${agent.id}/deployments?create=token`);
  await page.setViewportSize({ width: 844, height: 390 });
  await page.getByRole("link", { name: "Account" }).focus();
  await page.goBack();
  await expect(page.getByRole("dialog", { name: /deployment token/ })).toBeVisible();
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(page.getByRole("navigation", { name: "Main" })).toBeHidden();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(page.locator("body")).not.toBeFocused();
  await expect(page.locator(":focus")).toBeVisible();
});
