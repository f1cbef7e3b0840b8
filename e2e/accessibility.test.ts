import { violationsIn } from "./accessible";
import { expect, test } from "./fixtures";
import { tours } from "./tours";

for (const [name, tour] of Object.entries(tours)) {
  test(`every page and open dialog of ${name} is accessible in both themes`, async ({
    page,
    api,
    server,
    problems,
  }) => {
    test.setTimeout(600_000);
    /** The stops of each violation. */
    const found = new Map<string, string[]>();
    await tour({
      page,
      api,
      setupLink: server.setupLink,
      problems,
      visit: async (stop) => {
        for (const violation of await violationsIn(page)) {
          found.set(violation, [...(found.get(violation) ?? []), stop]);
        }
      },
    });
    expect(Object.fromEntries(found)).toEqual({});
  });
}
