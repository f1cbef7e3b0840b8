import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const source = dirname(fileURLToPath(import.meta.url));
const readme = readFileSync(join(source, "../../README.md"), "utf8");

/** The rooms as rule 3 of the README draws them, from left to right. */
const drawn = (/imports point right too: `([^`]+)`/.exec(readme)?.[1] ?? "")
  .split("→")
  .map((step) => step.split(",").map((room) => room.trim()));

/** Imports that only one folder may have. */
const alone: Record<string, string[]> = { main: ["styles"], tokens: ["deploy"], wire: ["schema"] };

const code = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
  (file) => /\.tsx?$/.test(file) && !/\.test\.|\.gen\.|^testing/.test(file),
);

/** "tokens/tokens.ts" is in the room tokens, "app.tsx" and "app/shell.tsx" are both in app. */
const roomOf = (file: string) => file.replace(/^(\.\.\/)+/, "").split(/[/.]/)[0] ?? file;

const stepOf = (room: string) => drawn.findIndex((rooms) => rooms.includes(room));

function mayImport(from: string, to: string): boolean {
  return from === to || alone[from]?.includes(to) || (stepOf(from) >= 0 && stepOf(from) < stepOf(to));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), "utf8");
  const found = text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g);
  return [...found].map((match) => {
    const path = relative(source, resolve(source, dirname(file), match[1] ?? ""));
    return code.find((one) => one.replace(/\.tsx?$/, "") === path) ?? path;
  });
}

/** The first circle found, beginning and ending with the same file; null if there is none. */
function circleIn(imports: Map<string, string[]>): string[] | null {
  const done = new Set<string>();
  function visit(file: string, path: string[]): string[] | null {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    done.add(file);
    for (const other of imports.get(file) ?? []) {
      const circle = visit(other, [...path, file]);
      if (circle) return circle;
    }
    return null;
  }
  for (const file of imports.keys()) {
    const circle = visit(file, []);
    if (circle) return circle;
  }
  return null;
}

describe("the rooms of the page", () => {
  test("the README draws every room, and no other", () => {
    expect(drawn.flat().sort()).toEqual([...new Set(code.map(roomOf))].sort());
  });

  test.each(code)("%s imports only what its room may", (file) => {
    expect(importsOf(file).filter((other) => !mayImport(roomOf(file), roomOf(other)))).toEqual([]);
  });

  test("no files import each other in a circle", () => {
    expect(circleIn(new Map(code.map((file) => [file, importsOf(file)])))).toBeNull();
  });

  test.each([
    ["a → b → a", { a: ["b"], b: ["a"] }],
    ["d → c → d", { a: ["b", "c"], b: ["d"], c: ["d"], d: ["c"] }],
    ["a → a", { a: ["a"] }],
    [undefined, { a: ["b", "c"], b: ["c"], c: ["x"] }],
  ])("the circle %s is found", (circle, imports) => {
    expect(circleIn(new Map(Object.entries(imports)))?.join(" → ")).toBe(circle);
  });

  test("only api.ts calls fetch", () => {
    const callers = code.filter((file) => /\bfetch\(/.test(readFileSync(join(source, file), "utf8")));
    expect(callers).toEqual(["api.ts"]);
  });

  test("only ui/dismissed.ts keeps something in the browser's storage, and one file tries a cookie", () => {
    const users = (what: RegExp) =>
      code.filter((file) => what.test(readFileSync(join(source, file), "utf8")));
    expect(users(/localStorage|sessionStorage|indexedDB/)).toEqual(["ui/dismissed.ts"]);
    expect(users(/document\.cookie/)).toEqual(["session/entrance.tsx"]);
  });
});
