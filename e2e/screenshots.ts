import { test } from "./fixtures";
import { tours } from "./tours";

/* Takes pictures of every page and state, in e2e/screenshots. Nothing is compared. */

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1280, 390]) {
    test.describe(() => {
      test.use({
        colorScheme,
        viewport: { width, height: width === 390 ? 844 : 800 },
      });

      for (const [name, tour] of Object.entries(tours)) {
        test(`${name}, ${colorScheme}, ${width} wide`, async ({ page, api, server, problems }) => {
          await tour({
            page,
            api,
            setupLink: server.setupLink,
            problems,
            visit: async (stop) => {
              await page.screenshot({ path: `e2e/screenshots/${stop}-${colorScheme}-${width}.png` });
            },
          });
        });
      }
    });
  }
}
