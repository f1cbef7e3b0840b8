import { type BrowserContext, expect } from "@playwright/test";

/** Collects the browsers' warnings and errors, so that unexpected ones fail the test. */
export class Problems {
  readonly #seen: string[] = [];
  readonly #allowed: RegExp[] = [];
  readonly #tolerated: RegExp[] = [];

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

  /** Expects a complaint that the test provokes, such as a refused request. */
  allow(complaint: RegExp) {
    this.#allowed.push(complaint);
  }

  /** Accepts a complaint that depends on the time of a poll. */
  tolerate(complaint: RegExp) {
    this.#tolerated.push(complaint);
  }

  expectNone() {
    const fine = [...this.#allowed, ...this.#tolerated];
    const unexpected = this.#seen.filter((text) => !fine.some((complaint) => complaint.test(text)));
    expect(unexpected, "what the browser complained about").toEqual([]);
  }

  expectAllowed() {
    const missing = this.#allowed.filter((allowed) => !this.#seen.some((text) => allowed.test(text)));
    expect(missing, "complaints that were expected and did not come").toEqual([]);
  }
}
