import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach } from "vitest";
import { network } from "./network";
import "./styles";

// Opening a page for the first time loads its code.
configure({ asyncUtilTimeout: 30_000 });

/* Functions of browsers that jsdom lacks. */
class NoResizing implements ResizeObserver {
  observe() {}
  unobserve() {}
  disconnect() {}
}
globalThis.ResizeObserver ??= NoResizing;
Element.prototype.getAnimations ??= () => [];
Element.prototype.scrollIntoView ??= () => {};
document.execCommand ??= () => false;

beforeEach(() => network.install());

afterEach(() => {
  cleanup();
  window.history.replaceState(null, "", "/");
  network.verify();
});
