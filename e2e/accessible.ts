import { expect, type Page } from "@playwright/test";
import axe, { type RunOptions } from "axe-core";

/** Returns what axe finds wrong with the page in either theme. The page is then in the light. */
export async function violationsIn(page: Page): Promise<string[]> {
  const found: string[] = [];
  const backgrounds = new Set<string>();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    backgrounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    // Describing all that passes would take most of the time.
    const options: RunOptions = { resultTypes: ["violations"] };
    // The themes differ only in colours.
    if (colorScheme === "dark") options.runOnly = ["color-contrast"];
    // An open menu floats above the page and belongs to no landmark.
    else if (await page.getByRole("menu").isVisible()) options.rules = { region: { enabled: false } };
    for (const { id, help, target } of await runAxe(page, options))
      found.push(`${id} in the ${colorScheme}: ${help}: ${target}`);
  }
  // Otherwise one theme would have been checked twice.
  expect(backgrounds.size, "the page looks different in the dark").toBe(2);
  await page.emulateMedia({ colorScheme: "light" });
  return found;
}

/** Runs axe. Pages have no frames. */
async function runAxe(page: Page, options: RunOptions) {
  // A page keeps axe until it is left, so that its half a megabyte is read once.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  return page.evaluate(async (options) => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(options);
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target }) => ({ id, help, target: String(target) })),
    );
  }, options);
}

/** Expects that axe finds nothing, in either theme. */
export async function expectAccessible(page: Page) {
  expect(await violationsIn(page)).toEqual([]);
}
