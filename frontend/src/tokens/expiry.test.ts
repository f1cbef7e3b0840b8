import { afterEach, describe, expect, test } from "vitest";
import {
  expiryFields,
  expiryInstant,
  expiryProblem,
  firstChoice,
  lastChoice,
  lengthLabel,
  presets,
  spelledOut,
} from "./expiry";

const now = new Date(2026, 10, 23, 16, 5).getTime();
const hour = 3_600;
const day = 24 * hour;
const max = 400 * day;

describe("the presets", () => {
  test("are 30 days, 90 days and 1 year", () => {
    expect(presets({ max, usual: 365 * day }).map(lengthLabel)).toEqual(["30 days", "90 days", "1 year"]);
  });
  test("include the server's default, and nothing above its maximum", () => {
    expect(presets({ max: 120 * day, usual: 45 * day }).map(lengthLabel)).toEqual([
      "30 days",
      "45 days",
      "90 days",
    ]);
  });
  test.each([
    [7 * day, ["1 hour", "1 day", "7 days"]],
    [36 * hour, ["1 hour", "1 day", "36 hours"]],
    [12 * hour, ["1 hour", "12 hours"]],
    [1.5 * hour, ["1 hour", "90 minutes"]],
    [600, ["10 minutes"]],
  ])("are shorter if tokens live at most %d seconds", (longest, labels) => {
    expect(presets({ max: longest, usual: 365 * day }).map(lengthLabel)).toEqual(labels);
  });
});

test.each([
  [day, "1 day"],
  [100 * day + hour, "100 days 1 hour"],
  [26.5 * hour, "26 hours 30 minutes"],
  [45, "45 seconds"],
])("%d seconds are shown as %s", (seconds, label) => expect(lengthLabel(seconds)).toBe(label));

describe("the expiry of a choice", () => {
  test("is a number of seconds, counted by the server", () => {
    const choice = { kind: "length", seconds: 90 * day } as const;
    expect(expiryInstant(choice, now)).toBe(now + 90 * day * 1000);
    expect(expiryFields(choice, now)).toEqual({ expires_in: 90 * day });
  });
  test("is the end of a chosen day in local time", () => {
    const choice = { kind: "date", date: "2027-01-31" } as const;
    const end = new Date(2027, 0, 31, 23, 59, 59);
    expect(expiryInstant(choice, now)).toBe(end.getTime());
    expect(expiryFields(choice, now)).toEqual({ expires_at: end.toISOString() });
  });
  test("is a chosen minute", () => {
    const choice = { kind: "date", date: "2026-11-23T20:30" } as const;
    expect(expiryInstant(choice, now)).toBe(new Date(2026, 10, 23, 20, 30).getTime());
  });
  test("is spelled out with its zone", () => {
    expect(spelledOut(now)).toMatch(/^Monday,? 23 November 2026 at 16:05 \(.+\)$/);
  });
});

describe("the error of a choice", () => {
  const problem = (date: string, longest = max) => expiryProblem({ kind: "date", date }, now, longest);
  test("no date", () => expect(problem("")).toBe("Choose a date."));
  test("a date in the past", () => expect(problem("2026-11-22")).toBe("This date is in the past."));
  test("a date beyond the maximum", () => expect(problem("2029-01-01")).toMatch(/400 days, through/));
  test.each([max, 36 * hour, 12 * hour, 1.5 * hour])(
    "nothing, from the first to the last choice of %d seconds",
    (longest) => {
      expect(problem(firstChoice(now, longest), longest)).toBeNull();
      expect(problem(lastChoice(now, longest), longest)).toBeNull();
    },
  );
  describe("in the hour that the clock repeats", () => {
    const zone = process.env.TZ;
    afterEach(() => {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    });
    test.each([
      ["Europe/Berlin", "2026-10-25T00:20Z", hour, ["2026-10-25T02:21", "2026-10-25T02:59"]],
      ["Europe/Berlin", "2026-10-25T01:20Z", hour, ["2026-10-25T03:00", "2026-10-25T03:20"]],
      ["Australia/Lord_Howe", "2027-04-03T14:50Z", hour / 2, ["2027-04-04T01:51", "2027-04-04T01:59"]],
      ["Europe/Berlin", "2026-10-24T20:00Z", 36 * hour, ["2026-10-24T22:01", "2026-10-26T09:00"]],
    ])("of %s at %s, the choices of %d seconds are valid", (place, at, longest, choices) => {
      process.env.TZ = place;
      const then = Date.parse(at);
      expect([firstChoice(then, longest), lastChoice(then, longest)]).toEqual(choices);
      for (const date of choices) expect(expiryProblem({ kind: "date", date }, then, longest)).toBeNull();
    });
  });
  test("a minute beyond a maximum of hours", () => {
    expect(problem("2026-11-24T04:06", 12 * hour)).toBe(
      "The longest lifetime is 12 hours, until 2026-11-24 04:05.",
    );
    expect(problem("2026-11-23T16:05", 12 * hour)).toBe("This time is in the past.");
    expect(problem("", 12 * hour)).toBe("Choose a date and time.");
  });
});
