import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { compression } from "vite-plugin-compression2";
import { defineConfig } from "vitest/config";

const backend = "http://127.0.0.1:8080";

export default defineConfig({
  root: "frontend",
  cacheDir: "../node_modules/.vite",
  plugins: [
    react(),
    tailwindcss(),
    compression({ algorithms: ["gzip", "brotliCompress"], logLevel: "silent" }),
  ],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // Nothing is inlined: the content security policy lets only files of our own in.
    assetsInlineLimit: 0,
    sourcemap: false,
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
    // Slow machines run these beside the Go tests.
    testTimeout: 20_000,
  },
});
