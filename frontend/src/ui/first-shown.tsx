import { useLayoutEffect } from "react";

/** Takes away what index.html draws until the code of the page has come. Part of every frame that replaces it. */
export function FirstShown() {
  useLayoutEffect(() => document.getElementById("first")?.remove(), []);
  return null;
}
