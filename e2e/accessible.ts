import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** Returns what axe finds wrong with the page in either theme. The page is then in the light. */
export async function violationsIn(page: Page): Promise<string[]> {
  const found: string[] = [];
  const backgrounds = new Set<string>();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    backgrounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    // Pages have no frames, so one run is enough. Describing all that passes would take most of its time.
    const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ["violations"] });
    // The themes differ only in colours.
    if (colorScheme === "dark") axe.withRules("color-contrast");
    // An open menu floats above the page and belongs to no landmark.
    else if (await page.getByRole("menu").isVisible()) axe.disableRules("region");
    const { violations } = await axe.analyze();
    for (const { id, help, nodes } of violations) {
      for (const { target } of nodes) found.push(`${id} in the ${colorScheme}: ${help}: ${target}`);
    }
  }
  // Otherwise one theme would have been checked twice.
  expect(backgrounds.size, "the page looks different in the dark").toBe(2);
  await page.emulateMedia({ colorScheme: "light" });
  return found;
}

/** Expects that axe finds nothing, in either theme. */
export async function expectAccessible(page: Page) {
  expect(await violationsIn(page)).toEqual([]);
}
