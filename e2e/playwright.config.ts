import { defineConfig } from "@playwright/test";

const chromium = process.env.CHROMIUM;
if (!chromium) throw new Error('Set CHROMIUM to the path of Chromium, such as "$(e2e/chromium.sh)".');

/**
 * The features of Chromium that tests do without. The flag replaces Playwright's own, so its features come first. The last three
 * start two more processes for each window, one for suggestions in the address bar and one for the next page, which would take a
 * quarter of all processor time.
 */
const disabledFeatures = [
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "DestroyProfileOnBrowserClose",
  "HttpsUpgrades",
  "HttpsFirstBalancedModeAutoEnable",
  "LensOverlay",
  "MediaRouter",
  "PaintHolding",
  "ThirdPartyStoragePartitioning",
  "AvoidCorsURLLoaderRestartOnRedirect",
  "OptimizationHints",
  "NetworkTimeServiceQuerying",
  "AimEnabled",
  "PreconnectToSearch",
  "WebUIOmniboxPopup",
  "WebUIOmniboxAimPopup",
  "SpareRendererForSitePerProcess",
];

export default defineConfig({
  outputDir: "traces",
  reporter: [["list"]],
  fullyParallel: true,
  // Each test runs its own server and window, and waits a third of the time: four keep two cores busy.
  workers: 4,
  forbidOnly: true,
  maxFailures: 8,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  use: {
    // Recording each test for the few that fail takes a tenth of the time. TRACE=1 records.
    trace: process.env.TRACE ? "on" : "off",
    screenshot: "only-on-failure",
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    // Drawing what moves, and waiting until it stands still, takes a tenth of the time. dialogs.test.ts has motion.
    contextOptions: { reducedMotion: "reduce" },
    launchOptions: {
      executablePath: chromium,
      args: [
        "--no-sandbox", // root, as in a container, has no sandbox to offer
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        `--disable-features=${disabledFeatures.join(",")}`,
      ],
    },
  },
  projects: [
    { name: "journeys", testMatch: "*.test.ts" },
    { name: "screenshots", testMatch: "screenshots.ts" },
    { name: "pictures", testMatch: "pictures.ts" },
  ],
});
