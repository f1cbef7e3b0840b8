import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "./fixtures";
import { tour } from "./tour";

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(() => {
    test.use({ colorScheme, contextOptions: { reducedMotion: "reduce" } });

    test(`every page and open dialog is accessible in the ${colorScheme}`, async ({
      page,
      api,
      server,
      problems,
    }) => {
      test.slow();
      problems.allow(/401 \(Unauthorized\)/);
      problems.allow(/503 \(Service Unavailable\)/);
      /** Each violation with the stops where it was met. */
      const found = new Map<string, string[]>();
      await tour({
        page,
        api,
        setupLink: server.setupLink,
        visit: async (stop) => {
          const axe = new AxeBuilder({ page });
          // An open menu floats above the page, so it lies in no landmark.
          if (await page.getByRole("menu").isVisible()) axe.disableRules("region");
          const { violations } = await axe.analyze();
          for (const { id, help, nodes } of violations) {
            for (const { target } of nodes) {
              const violation = `${id}: ${help}: ${target}`;
              found.set(violation, [...(found.get(violation) ?? []), stop]);
            }
          }
        },
      });
      expect(Object.fromEntries(found)).toEqual({});
    });
  });
}
