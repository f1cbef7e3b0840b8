import { type BrowserContext, expect } from "@playwright/test";

/** Collects what browsers complain about, so that a test also fails on what nobody looked at. */
export class Problems {
  readonly #seen: string[] = [];
  readonly #allowed: RegExp[] = [];

  async watch(context: BrowserContext) {
    context.on("console", (message) => {
      if (message.type() === "error") this.#seen.push(`${message.text()} ${message.location().url}`);
    });
    context.on("weberror", (problem) => this.#seen.push(`thrown: ${problem.error().message}`));
    await context.addInitScript(() => {
      window.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
        console.error(`securitypolicyviolation: ${violatedDirective} ${blockedURI}`);
      });
    });
  }

  /** Expects a complaint that belongs to what the test provokes, such as a refused request. */
  allow(complaint: RegExp) {
    this.#allowed.push(complaint);
  }

  expectNone() {
    const unexpected = this.#seen.filter((text) => !this.#allowed.some((allowed) => allowed.test(text)));
    expect(unexpected, "what the browser complained about").toEqual([]);
  }

  expectAllowed() {
    const missing = this.#allowed.filter((allowed) => !this.#seen.some((text) => allowed.test(text)));
    expect(missing, "complaints that were expected and did not come").toEqual([]);
  }
}
