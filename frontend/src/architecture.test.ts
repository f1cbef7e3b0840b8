import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const source = dirname(fileURLToPath(import.meta.url));

/** Who may import whom; a room may always import itself. Files of the top level are rooms of their own. */
const allowed: Record<string, string[]> = {
  main: ["app", "styles"],
  app: ["tokens", "account", "agents", "session", "ui", "api", "wire"],
  tokens: ["ui", "requests", "once", "api", "wire", "servertime", "deploy"],
  account: ["ui", "requests", "once", "api", "wire"],
  agents: ["ui", "requests", "once", "api", "wire"],
  session: ["ui", "requests", "api", "wire"],
  requests: ["ui", "api"],
  ui: ["api", "servertime"],
  once: ["api"],
  api: ["wire", "servertime"],
  wire: ["schema"],
};

const code = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
  (file) => /\.tsx?$/.test(file) && !/\.test\.|\.gen\.|^testing/.test(file),
);

/**
 * "tokens/tokens.ts" is in the room tokens, "app.tsx" and "app/shell.tsx" are both in app. Beside the page lies deploy, which
 * it shows.
 */
const roomOf = (file: string) => file.replace(/^(\.\.\/){2}/, "").split(/[/.]/)[0] ?? file;

function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), "utf8");
  const found = text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g);
  return [...found].map((match) => relative(source, resolve(source, dirname(file), match[1] ?? "")));
}

describe("the rooms of the page", () => {
  test.each(code)("%s imports only what its room may", (file) => {
    const room = roomOf(file);
    const rooms = importsOf(file).map(roomOf);
    expect(rooms.filter((other) => other !== room && !allowed[room]?.includes(other))).toEqual([]);
  });

  test("only api.ts calls fetch", () => {
    const callers = code.filter((file) => /\bfetch\(/.test(readFileSync(join(source, file), "utf8")));
    expect(callers).toEqual(["api.ts"]);
  });

  test("nothing is kept in the browser's storage", () => {
    const users = code.filter((file) =>
      /localStorage|sessionStorage|indexedDB|document\.cookie/.test(readFileSync(join(source, file), "utf8")),
    );
    expect(users).toEqual([]);
  });
});
