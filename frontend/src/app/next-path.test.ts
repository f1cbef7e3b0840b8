import { describe, expect, test } from "vitest";
import { nextPath, signInPath } from "./next-path";

const origin = "http://tokentab.test";

describe("sign-in leads", () => {
  test("to the requested page", () => {
    expect(nextPath("?next=%2Fagents%2Fa-1%2Fdeployments%3Fpage%3D2", origin)).toBe(
      "/agents/a-1/deployments?page=2",
    );
    expect(nextPath(signInPath("/agents?page=2").split("?")[1] ?? "", origin)).toBe("/agents?page=2");
    expect(signInPath("/setups")).toBe("/sign-in?next=%2Fsetups");
  });
  test.each([
    "",
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "/.//evil.example",
    "/\t/evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "agents",
    "/sign-in?next=/agents",
    "/setup",
    "/invite/the-code",
    "http:",
  ])("to the start page, for %j", (next) => {
    expect(nextPath(`?next=${encodeURIComponent(next)}`, origin)).toBe("/");
  });
});
