import { type Created, founder } from "./api";
import { expect, test } from "./fixtures";
import { tabTo } from "./keyboard";
import { tokenRow } from "./tokens";

test("setup, creating a token and suspending it work by keyboard", async ({ page, server, api }) => {
  await page.goto(server.setupLink);
  for (const [label, text] of [
    ["Account name", founder.account_name],
    ["Your name", founder.name],
    ["Email", founder.email],
    ["Password", founder.password],
  ] as const) {
    await tabTo(page, page.getByRole("textbox", { name: label }));
    await page.keyboard.type(text);
  }
  await page.keyboard.press("Enter");

  const create = page.getByRole("button", { name: "Create API token" });
  await tabTo(page, create);
  await page.keyboard.press("Enter");
  const form = page.getByRole("dialog", { name: "Create API token" });
  await expect(form.getByRole("textbox", { name: "Name" }), "the first field has the focus").toBeFocused();
  await page.keyboard.type("By hand");
  await tabTo(page, form.getByRole("button", { name: "Create token" }));
  await page.keyboard.press("Enter");

  const dialog = page.getByRole("dialog", { name: "Save this token now" });
  const value = dialog.getByRole("textbox", { name: "Token value" });
  await expect(value, "the secret has the focus").toBeFocused();
  const secret = await value.inputValue();
  await tabTo(page, dialog.getByRole("button", { name: "Copy token" }));
  await page.keyboard.press("Space");
  await expect(dialog.getByRole("status").filter({ hasText: "Copied" })).toBeAttached();
  await tabTo(page, dialog.getByRole("button", { name: "Done" }));
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(create, "the focus is back where it was").toBeFocused();
  expect((await api.ping(secret)).status).toBe(200);

  const row = tokenRow(page, /By hand/);
  await expect(row).toContainText(/Last used (just now|\d+ seconds ago)/);
  const actions = row.getByRole("button", { name: /^Actions for/ });
  await tabTo(page, actions);
  await page.keyboard.press("Enter");
  const suspend = page.getByRole("menuitem", { name: "Suspend" });
  await expect(suspend).toBeFocused();
  await page.keyboard.press("Enter");
  const question = page.getByRole("alertdialog", { name: "Suspend this token?" });
  await expect(question.getByRole("textbox", { name: "Last four characters" })).toBeFocused();
  await expect(question).toContainText("1 accepted since");
  await page.keyboard.type(secret.slice(-4));
  await page.keyboard.press("Enter");
  await expect(row).toContainText("Suspended");
  await expect(actions).toBeFocused();
  expect((await api.ping(secret)).status).toBe(401);
});

test("a focused time shows its exact instant, and Escape closes menu and question", async ({
  page,
  api,
  signedIn: _,
}) => {
  await api.create("/api_token", { token_scope: "account", name: "By hand" });
  await page.goto("/account/api-tokens");
  const row = tokenRow(page, /By hand/);
  await tabTo(page, row.getByRole("link", { name: /By hand/ }));
  await page.keyboard.press("ArrowRight");
  await expect(page.getByText(/^\d.* UTC$/).filter({ visible: true })).toBeVisible();

  const actions = row.getByRole("button", { name: /^Actions for/ });
  await tabTo(page, actions);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menu")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("menu")).toBeHidden();
  await expect(actions).toBeFocused();

  await page.keyboard.down("Enter");
  const suspend = page.getByRole("menuitem", { name: "Suspend" });
  await expect(suspend).toBeFocused();
  await page.keyboard.down("Enter");
  await page.keyboard.up("Enter");
  await expect(suspend, "a held key opens the menu, and chooses nothing").toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("menuitem", { name: "Revoke" })).toBeFocused();
  await page.keyboard.press("Enter");
  const question = page.getByRole("alertdialog", { name: "Revoke this token?" });
  await expect(question).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(question).toBeHidden();
  await expect(row).toContainText("Active");
  await expect(actions).toBeFocused();
});

test("choosing a gateway and its requirements and testing a token work by keyboard", async ({
  page,
  api,
  signedIn: _,
}) => {
  const { token: secret } = await api.create<Created>("/api_token", { token_scope: "account" });
  await page.goto("/account/api-tokens");
  await tabTo(page, page.getByRole("link", { name: "Connect" }));
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByRole("radio", { name: "nginx" }));
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("radio", { name: "Caddy" })).toBeFocused();
  const file = page.getByRole("region", { name: "Caddyfile" });
  await expect(file).toBeVisible();
  await tabTo(page, page.getByRole("checkbox", { name: "Account" }));
  await page.keyboard.press("Space");
  await expect(file.getByText(/^.api.v1.validate\?account_id=\w+&scope=account$/)).toBeVisible();

  await tabTo(page, file.getByRole("button", { name: "Copy Caddyfile" }));
  await page.keyboard.press("Enter");
  await expect(file.getByRole("status").filter({ hasText: "Copied" })).toBeAttached();
  await tabTo(page, page.getByRole("textbox", { name: "Token", exact: true }));
  await page.keyboard.type(secret);
  await page.keyboard.press("Enter");
  await expect(page.getByText("Passes", { exact: true })).toBeVisible();
});

test("a link within the page leads the keyboard to the content, not to the top", async ({
  page,
  api,
  signedIn: _,
}) => {
  await api.create("/api_token", { token_scope: "account", name: "Nightly" });
  await page.goto("/account/team");
  const tabs = page.getByRole("navigation", { name: "Account" });
  await tabTo(page, tabs.getByRole("link", { name: "API Tokens" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("table", { name: "API tokens" })).toBeVisible();
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Connect" })).toBeFocused();

  const nightly = page.getByRole("link", { name: /Nightly/ });
  await nightly.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Nightly" })).toBeVisible();
  await expect(page.getByRole("main")).toBeFocused();
  const agents = page.getByRole("link", { name: "Agents", exact: true });
  await agents.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Agents" })).toBeVisible();
  await expect(agents, "what stays keeps the focus").toBeFocused();
});
