import { expectAccessible } from "./accessible";
import type { Api, Created } from "./api";
import { expect, test } from "./fixtures";
import { tabTo } from "./keyboard";
import { choose, confirmInUse, tokenRow } from "./tokens";

const tab = "/account/api-tokens";
const create = (api: Api, name: string) =>
  api.create<Created>("/api_token", { token_scope: "account", name });

test("a token's row and page show its uses, its refused uses and who changed it", async ({
  page,
  api,
  signedIn: _,
}) => {
  const made = await create(api, "Nightly build");
  await page.goto(tab);
  const row = tokenRow(page, /Nightly build/);
  await expect(row).toContainText("Waiting for first use");
  for (let use = 0; use < 3; use++) expect((await api.ping(made.token)).status).toBe(200);
  await expect(row).toContainText("3 accepted in 30 days");
  await api.act(`/api_token/${made.details.id}/suspend`);
  for (let use = 0; use < 2; use++) expect((await api.ping(made.token)).status).toBe(401);
  await expect(row).toContainText("Still being tried: last refused");
  await expect(row).toContainText("3 accepted and 2 refused in 30 days");

  await tabTo(page, row.getByRole("link", { name: /Nightly build/ }));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${tab}/${made.details.id}`);
  await expect(page.getByRole("heading", { name: "Nightly build" })).toBeVisible();
  await expect(page.getByText("This token is still being tried.")).toBeVisible();
  const uses = page.getByRole("region", { name: "Use", exact: true });
  await expect(uses).toContainText("3 accepted and 2 refused in 48 hours.");
  await tabTo(page, uses.getByRole("radio", { name: "48 hours" }));
  await page.keyboard.press("ArrowRight");
  await expect(uses).toContainText("3 accepted and 2 refused in 90 days.");
  await tabTo(page, uses.getByRole("button", { name: "Show as table" }));
  await page.keyboard.press("Enter");
  await expect(uses.getByRole("row", { name: /^\d+ \w+ 20\d\d 3 2$/ })).toBeVisible();
  await expect(page.getByRole("region", { name: "Addresses" })).toContainText("127.0.0.1");
  await expect(page.getByRole("region", { name: "Refused uses" })).toContainText(/2 since/);
  const history = page.getByRole("region", { name: "History", exact: true });
  await expect(
    history.getByRole("row", { name: /Suspended by Ada Lovelace from 127\.0\.0\.1/ }),
  ).toBeVisible();
  await expect(history.getByRole("row", { name: /Created by Ada Lovelace/ })).toBeVisible();
  await expectAccessible(page);

  for (const width of [320, 640]) {
    await page.setViewportSize({ width, height: 640 });
    expect(
      await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
    ).toBe(0);
  }
});

test("the more recent the last use, the more a question asks", async ({ page, api, signedIn: _ }) => {
  const idle = await create(api, "Never used");
  const used = await create(api, "In use");
  await api.ping(used.token);
  await page.goto(tab);
  await choose(tokenRow(page, /Never used/), "Revoke");
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText("It has never been used.");
  await question.getByRole("button", { name: "Revoke token" }).click();
  await expect(tokenRow(page, /Never used/)).toContainText("Revoked");
  expect((await api.ping(idle.token)).status).toBe(401);

  const row = tokenRow(page, /In use/);
  await expect(row).toContainText(/Last used (just now|\d+ seconds ago)/);
  await choose(row, "Revoke");
  await expect(question).toContainText("1 accepted since");
  await expect(question).toContainText("127.0.0.1");
  await expect(question.getByRole("textbox", { name: "Last four characters" })).toBeFocused();
  await expectAccessible(page);
  await question.getByRole("button", { name: "Suspend instead" }).click();
  await expect(question).toContainText("Suspend this token?");
  await confirmInUse(page, "Suspend token", used.details.hint);
  await expect(row).toContainText("Suspended");
  expect((await api.ping(used.token)).status).toBe(401);
});

test("everything can be done on a token's page, which is left once the token is deleted", async ({
  page,
  api,
  problems,
  signedIn: _,
}) => {
  const { details } = await create(api, "Short-lived");
  await page.goto(`${tab}/${details.id}`);
  const actions = page.getByRole("button", { name: /^Actions for/ });
  await page.getByRole("button", { name: "Suspend" }).click();
  await expect(page.getByRole("button", { name: "Activate" })).toBeVisible();
  for (const [item, yes] of [
    ["Revoke", "Revoke token"],
    ["Delete", "Delete token"],
  ] as const) {
    await actions.click();
    await page.getByRole("menuitem", { name: item }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: yes }).click();
    await expect(page.getByRole("alertdialog")).toBeHidden();
  }
  await expect(page).toHaveURL(tab);
  problems.allow(/404/);
  await page.goto(`${tab}/${details.id}`);
  await expect(page.getByRole("heading", { name: "No such token" })).toBeVisible();
  await expectAccessible(page);
});
