import { useLayoutEffect } from "react";

/** Removes the placeholder of index.html. Part of every frame that replaces it. */
export function FirstShown() {
  useLayoutEffect(() => document.getElementById("first")?.remove(), []);
  return null;
}
