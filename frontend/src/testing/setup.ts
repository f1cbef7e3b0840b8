import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach } from "vitest";
import { network } from "./network";

// The first look at a page also loads its code.
configure({ asyncUtilTimeout: 10_000 });

/* What this document lacks of a browser's, as far as the page uses it. */
class NoResizing implements ResizeObserver {
  observe() {}
  unobserve() {}
  disconnect() {}
}
globalThis.ResizeObserver ??= NoResizing;
Element.prototype.getAnimations ??= () => [];
Element.prototype.scrollIntoView ??= () => {};
URL.parse ??= (url, base) => (URL.canParse(url, base) ? new URL(url, base) : null);
document.execCommand ??= () => false;

beforeEach(() => network.install());

afterEach(() => {
  cleanup();
  window.history.replaceState(null, "", "/");
  network.verify();
});
