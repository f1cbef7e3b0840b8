import type { Page } from "@playwright/test";
import type { Created } from "./api";
import { expect, test } from "./fixtures";
import { tokenRow } from "./tokens";

/** Does what translators of browsers do: each text gets an element of its own, and the page's own text nodes are gone. */
const translate = (page: Page) =>
  page.evaluate(() => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts: Text[] = [];
    while (walk.nextNode()) texts.push(walk.currentNode as Text);
    for (const text of texts.filter(({ data }) => data.trim())) {
      const font = document.createElement("font");
      font.textContent = text.data;
      text.replaceWith(font);
    }
  });

// Changes arrive at once, so that the test waits for no poll.
test.use({ live: true });

test("a translated page shows what changes, so that no revoked token looks alive", async ({
  page,
  api,
  signedIn: _,
}) => {
  const { details } = await api.create<Created>("/api_token", { token_scope: "account", name: "Nightly" });
  for (let count = 1; count <= 50; count++) {
    await api.create("/api_token", { token_scope: "account", name: `Token ${count}` });
  }
  await page.goto("/account/api-tokens?sort=created");
  const row = tokenRow(page, "Nightly");
  await expect(row).toContainText("Active");
  await translate(page);
  await api.act(`/api_token/${details.id}/suspend`);
  await expect(row).toContainText("Suspended");
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText("51–51 of 51")).toBeVisible();

  const idle = await api.create<Created>("/api_token", { token_scope: "account", name: "Idle" });
  await page.goto(`/account/api-tokens/${idle.details.id}`);
  const head = page.getByRole("main").locator("header");
  await expect(head).toContainText("Active");
  await expect(page.getByText("Waiting for first use")).toBeVisible();
  await translate(page);
  expect((await api.validate(idle.token)).status).toBe(200);
  await expect(page.getByText("Waiting for first use")).toBeHidden();
  await api.act(`/api_token/${idle.details.id}/suspend`);
  await expect(head).toContainText("Suspended");
  await expect(head.getByText("Activate")).toBeVisible();

  await page.goto(`/account/api-tokens/${details.id}`);
  await expect(head).toContainText("Suspended");
  const status = page.getByRole("definition").filter({ hasText: /^Suspended/ });
  await expect(status).toBeVisible();
  await translate(page);
  await api.act(`/api_token/${details.id}/revoke`);
  await expect(head).toContainText("Revoked");
  await expect(status).toBeHidden();
});
