import { describe, expect, test } from "vitest";
import { snippetsFor } from "./snippets";

const filling = { url: "http://127.0.0.1:8080", secret: "eyJh.eyJz.c2ln", agentId: "agent-1" };

describe("the program of a new deployment token", () => {
  test.each(snippetsFor(filling))("has five lines in $language and runs as it is", ({ code }) => {
    expect(code.split("\n")).toHaveLength(5);
    expect(code).toContain('"http://127.0.0.1:8080"');
    expect(code).toContain('"eyJh.eyJz.c2ln"');
  });

  test("writes what an address could hold as a string of the language", () => {
    for (const { code } of snippetsFor({ ...filling, url: 'http://a"b\\c' })) {
      expect(code).toContain(String.raw`"http://a\"b\\c"`);
    }
  });
});
