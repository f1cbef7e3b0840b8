import { type BrowserContext, test as base, expect, type Page } from "@playwright/test";
import { Api, founder } from "./api";
import { Problems } from "./problems";
import { type Server, startServer } from "./server";

interface Fixtures {
  /** More flags of `serve`. */
  flags: string[];
  /** Whether the page hears of changes. Without that it asks every few seconds, as in a browser without event streams. */
  live: boolean;
  /** A new program, not set up. */
  server: Server;
  /** The browsers' complaints. The test fails if it ends with any. */
  problems: Problems;
  /** The API without a browser. */
  api: Api;
  /** Sets the program up and signs the browser in, without the page. */
  signedIn: undefined;
  /** Opens another browser, signed out. */
  openStranger: () => Promise<Page>;
  /** Opens another browser, signed in as the same user. */
  openBrowser: () => Promise<Page>;
}

export const test = base.extend<Fixtures>({
  flags: [[], { option: true }],
  live: [false, { option: true }],

  server: async ({ flags }, use, info) => {
    const server = await startServer(flags);
    await use(server);
    if (info.status !== info.expectedStatus) {
      await info.attach("server log", { body: server.log(), contentType: "text/plain" });
    }
    await server.stop();
  },

  baseURL: async ({ server }, use) => use(server.origin),

  problems: [
    async ({ browserName: _ }, use, info) => {
      const problems = new Problems();
      await use(problems);
      problems.expectNone();
      // A failed test may have ended before an allowed complaint.
      if (info.status === info.expectedStatus) problems.expectAllowed();
    },
    { auto: true },
  ],

  context: async ({ context, problems, live }, use) => {
    await problems.watch(context);
    // Without a route, which would also pass each file of the page through here and turn the browser's cache off.
    if (!live) await context.addInitScript(() => Reflect.deleteProperty(window, "EventSource"));
    await use(context);
    // The page polls until it is closed: a handler that is at work on an answer would fail a test that has passed.
    await Promise.all(context.pages().map((page) => page.unrouteAll({ behavior: "ignoreErrors" })));
  },

  api: async ({ server }, use) => use(new Api(server)),

  signedIn: async ({ context, api }, use) => {
    await api.setUp();
    await signIn(context, api);
    await use(undefined);
  },

  openStranger: async ({ browser, problems, server }, use) => {
    const opened: BrowserContext[] = [];
    await use(async () => {
      const context = await browser.newContext({ baseURL: server.origin });
      opened.push(context);
      await problems.watch(context);
      return context.newPage();
    });
    await Promise.all(opened.map((context) => context.close()));
  },

  openBrowser: async ({ openStranger, api }, use) => {
    await use(async () => {
      const page = await openStranger();
      await signIn(page.context(), api);
      return page;
    });
  },
});

/** Signs a browser in without its page. */
async function signIn(context: BrowserContext, api: Api) {
  const { email, password } = founder;
  const answer = await context.request.post(`${api.origin}/api/v1/session`, {
    data: { details: { email, password } },
  });
  expect(answer.status()).toBe(200);
}

export { expect };
