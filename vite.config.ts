import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { compression } from "vite-plugin-compression2";
import { defineConfig, type Plugin } from "vitest/config";
import { entrances, pagePaths } from "./frontend/src/app/paths.ts";

const backend = "http://127.0.0.1:8080";

/** Writes the list by which the server tells a page from a path that does not exist. */
const routes: Plugin = {
  name: "routes",
  generateBundle() {
    const source = [...entrances, ...pagePaths, ""].join("\n");
    this.emitFile({ type: "asset", fileName: "routes.txt", source });
  },
};

const baseUi = "menu|tooltip|internals|floating-ui-react|utils|merge-props|use-render";
const others = "react|react-dom|scheduler|wouter|regexparam|use-sync-external-store|@tanstack|@floating-ui";

/** Parts of those libraries for pages and dialogs that load later. */
const laterLibraries = "useInfiniteQuery|infiniteQueryObserver|useSwipeDismiss|getElementTransform|closePart";

/** The libraries of the first load, which compress better in one file. */
const firstLibraries = new RegExp(
  `node_modules.(@base-ui.react.(${baseUi})|${others})\\b(?!.*(${laterLibraries})\\.)`,
);

const ui =
  "badge|bar|button|chip|clipboard|clock|count|late|leave-guard|list|menu|notice|page|pager|picks|row-menu|row-stops|search-field|select|text-link|time|time-text|toast|toggle";

/** The components of the first page, likewise. */
const firstComponents = new RegExp(`frontend.src.ui.(${ui})\\.tsx?$`);

const tokens =
  "find|find-bar|filter-choices|selection|summary|token-actions|token-cell|token-list|token-moves|tokens|under-way|use-bars|use-find|use-selection|use-text|wording";

/** The list of tokens, likewise. */
const firstList = new RegExp(`frontend.src.tokens.(${tokens})\\.tsx?$`);

/** Code that forms and dialogs share. One file for each would make the first load's list of files longer. */
const forms = /frontend.src.ui.(date-input|dialog|failure-text|field|form|send-once)\.tsx?$/;

export default defineConfig({
  root: "frontend",
  cacheDir: "../node_modules/.vite",
  plugins: [
    react(),
    tailwindcss(),
    routes,
    compression({ algorithms: ["gzip", "brotliCompress"], logLevel: "silent" }),
  ],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // Nothing is inlined: the content security policy lets only files of our own in.
    assetsInlineLimit: 0,
    // Browsers without it lack AbortSignal.any too, without which the page does not work.
    modulePreload: { polyfill: false },
    sourcemap: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "libraries", test: firstLibraries },
            { name: "components", test: firstComponents },
            { name: "token-list", test: firstList },
            { name: "forms", test: forms },
          ],
        },
      },
    },
  },
  server: {
    proxy: { "/api": backend, "/oauth": backend, "/healthz": backend },
  },
  test: {
    environment: "jsdom",
    environmentOptions: { jsdom: { url: "http://tokentab.test/" } },
    setupFiles: ["src/testing/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    // Loading jsdom and the page again for each file would take a third of the time. Each test leaves nothing behind, see setup.ts.
    isolate: false,
    // A worker for each processor; left to itself, Vitest keeps one free.
    maxWorkers: "100%",
    // Slow machines run these beside the Go tests.
    testTimeout: 60_000,
  },
});
