import { describe, expect, test } from "vitest";
import { barHeight, isWithin, secretUseText, usesText } from "./use-text";

describe("the height of a bar", () => {
  test("is zero only without uses", () => {
    expect(barHeight(0, 0, 20)).toBe(0);
    expect(barHeight(0, 50, 20)).toBe(0);
    expect(barHeight(1, 10_000_000, 20)).toBe(2);
  });

  test("grows with the square root up to the whole height", () => {
    expect(barHeight(25, 100, 20)).toBe(10);
    expect(barHeight(100, 100, 20)).toBe(20);
  });
});

describe("the sums of uses", () => {
  test.each([
    [0, 0, "Not used in 30 days"],
    [1204, 3, "1,204 accepted and 3 refused in 30 days"],
    [1, 0, "1 accepted in 30 days"],
    [0, 2, "2 refused in 30 days"],
  ])("of %i accepted and %i refused read “%s”", (accepted, refused, text) => {
    expect(usesText(accepted, refused, "in 30 days")).toBe(text);
  });
  test("need no period", () => {
    expect(usesText(0, 0)).toBe("None");
    expect(usesText(2, 0)).toBe("2 accepted");
  });
});

test("the use of one of two secrets says how often and when, or that there was none", () => {
  const now = Date.parse("2026-11-27T12:00:00Z");
  expect(secretUseText({ accepted: 0, last_used_at: null }, now, "not used yet")).toBe("not used yet");
  expect(secretUseText({ accepted: 1, last_used_at: "2026-11-27T11:55:00Z" }, now, "")).toBe(
    "1 use, the last 5 minutes ago",
  );
});

test("a time in the future counts as recent, and none does not", () => {
  const now = Date.parse("2026-11-27T12:00:00Z");
  expect(isWithin(null, 3_600_000, now)).toBe(false);
  expect(isWithin("2026-11-27T11:00:00Z", 3_600_000, now)).toBe(false);
  expect(isWithin("2026-11-27T11:00:01Z", 3_600_000, now)).toBe(true);
  expect(isWithin("2031-01-01T00:00:00Z", 3_600_000, now)).toBe(true);
});
