// Fails when the first visit of the API tokens page has to load more than it may. Counts what the browser asks for:
// index.html, its script and style, and the page's own chunk, each with everything they import.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const limit = 150 * 1024;
const dist = join(dirname(fileURLToPath(import.meta.url)), "dist");

const index = readFileSync(join(dist, "index.html"), "utf8");
const inPage = [...index.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((match) => match[1]);
const route = readdirSync(join(dist, "assets")).find((name) => /^api-tokens-route-.*\.js$/.test(name));
if (!route) throw new Error("the build has no chunk of the API tokens route");

const needed = new Set();
function need(file) {
  if (needed.has(file)) return;
  needed.add(file);
  if (!file.endsWith(".js")) return;
  const code = readFileSync(join(dist, file), "utf8");
  for (const match of code.matchAll(/(?:from|import)\s*["'](\.\/[^"']+\.js)["']/g)) {
    need(normalize(join(dirname(file), match[1])));
  }
}
for (const file of ["index.html", ...inPage, `assets/${route}`]) need(file);

let total = 0;
for (const file of needed) {
  const size = statSync(join(dist, `${file}.br`)).size;
  total += size;
  console.log(`${(size / 1024).toFixed(1).padStart(7)} KB  ${file}`);
}
console.log(`${(total / 1024).toFixed(1).padStart(7)} KB  first load, brotli (at most ${limit / 1024} KB)`);
if (total > limit) process.exit(1);
