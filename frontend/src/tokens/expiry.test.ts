import { describe, expect, test } from "vitest";
import { dateInput, expiryInstant, expiryProblem, lastDay, presets, spelledOut } from "./expiry";

const now = new Date(2026, 10, 23, 16, 5).getTime();
const day = 86_400_000;

describe("the presets", () => {
  test("are 30 days, 90 days and 1 year", () => {
    expect(presets({ max: 400, usual: 365 })).toEqual([30, 90, 365]);
  });
  test("offer what the server gives by default, and nothing above its maximum", () => {
    expect(presets({ max: 120, usual: 45 })).toEqual([30, 45, 90]);
    expect(presets({ max: 7, usual: 365 })).toEqual([7]);
  });
});

describe("the instant that a choice means", () => {
  test("is so many days from now", () => {
    expect(expiryInstant({ kind: "days", days: 90 }, now, 400)).toBe(now + 90 * day);
  });
  test("stays below the maximum when a clock is a little ahead", () => {
    expect(expiryInstant({ kind: "days", days: 400 }, now, 400)).toBeLessThan(now + 400 * day);
  });
  test("is the end of a chosen day on this clock", () => {
    expect(expiryInstant({ kind: "date", date: "2027-01-31" }, now, 400)).toBe(
      new Date(2027, 0, 31, 23, 59, 59).getTime(),
    );
  });
  test("is spelled out with its zone", () => {
    expect(spelledOut(now)).toMatch(/^Monday,? 23 November 2026 at 16:05 \(.+\)$/);
  });
});

describe("what is wrong with a choice", () => {
  test("no date", () => expect(expiryProblem({ kind: "date", date: "" }, now, 400)).toBe("Choose a date."));
  test("a date in the past", () =>
    expect(expiryProblem({ kind: "date", date: "2026-11-22" }, now, 400)).toBe("This date is in the past."));
  test("a date beyond the maximum", () =>
    expect(expiryProblem({ kind: "date", date: "2029-01-01" }, now, 400)).toMatch(/400 days at most/));
  test("nothing, up to the last day that the field offers", () => {
    expect(expiryProblem({ kind: "date", date: dateInput(lastDay(now, 400)) }, now, 400)).toBeNull();
    expect(expiryProblem({ kind: "date", date: "2026-11-23" }, now, 400)).toBeNull();
  });
});
