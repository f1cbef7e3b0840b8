import type { Page } from "@playwright/test";
import type { Api } from "./api";
import type { Problems } from "./problems";

/** The fixtures of a tour, which starts with an empty program. */
export interface Tour {
  page: Page;
  api: Api;
  setupLink: string;
  /** Call allow or tolerate before a stop at which the browser complains. */
  problems: Problems;
  /** Called at every stop, once its content is shown. */
  visit: (stop: string) => Promise<void>;
}

/** Runs `meanwhile` while requests to these addresses fail, as if the store were unavailable. */
export async function failing(
  { page, problems }: Pick<Tour, "page" | "problems">,
  addresses: RegExp,
  meanwhile: () => Promise<void>,
) {
  problems.allow(/503 \(Service Unavailable\)/);
  await page.route(addresses, (route) =>
    route.fulfill({
      status: 503,
      json: {
        status: "error",
        code: "unexpected",
        message: "The store does not answer right now. Try again.",
      },
    }),
  );
  await meanwhile();
  await page.unroute(addresses);
}
