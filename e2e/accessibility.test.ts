import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "./fixtures";
import { tours } from "./tours";

test.use({ contextOptions: { reducedMotion: "reduce" } });

for (const [name, tour] of Object.entries(tours)) {
  test(`every page and open dialog of ${name} is accessible in both themes`, async ({
    page,
    api,
    server,
    problems,
  }) => {
    test.slow();
    /** The stops of each violation. */
    const found = new Map<string, string[]>();
    await tour({
      page,
      api,
      setupLink: server.setupLink,
      problems,
      visit: async (stop) => {
        const backgrounds = new Set<string>();
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          backgrounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
          // Pages have no frames, so one run is enough.
          const axe = new AxeBuilder({ page }).setLegacyMode();
          // The themes differ only in colours.
          if (colorScheme === "dark") axe.withRules("color-contrast");
          // An open menu floats above the page and belongs to no landmark.
          else if (await page.getByRole("menu").isVisible()) axe.disableRules("region");
          const { violations } = await axe.analyze();
          for (const { id, help, nodes } of violations) {
            for (const { target } of nodes) {
              const violation = `${id} in the ${colorScheme}: ${help}: ${target}`;
              found.set(violation, [...(found.get(violation) ?? []), stop]);
            }
          }
        }
        // Otherwise one theme would have been checked twice.
        expect(backgrounds.size, `${stop} looks different in the dark`).toBe(2);
      },
    });
    expect(Object.fromEntries(found)).toEqual({});
  });
}
