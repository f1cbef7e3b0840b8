import type { Page } from "@playwright/test";
import type { Api } from "./api";
import type { Problems } from "./problems";

/** A way through pages, dialogs and states of the program, beginning with an empty one. */
export interface Tour {
  page: Page;
  api: Api;
  setupLink: string;
  /** Told beforehand what a stop makes the browser complain about. */
  problems: Problems;
  /** Called at every stop, once what the stop shows is there. */
  visit: (stop: string) => Promise<void>;
}

/** Does something while every request for certain addresses fails, as if the server had lost its store. */
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
