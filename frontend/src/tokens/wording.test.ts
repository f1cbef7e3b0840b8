import { describe, expect, test } from "vitest";
import { deploymentToken, token } from "../testing/samples";
import { clockTime, relativeTime, utcTime } from "../ui/time-text";
import type { ApiToken } from "../wire";
import { changerText, isEndingSoon, lastUseText, makerText, scopeText, stateOf, tokenTitle } from "./wording";

const now = Date.parse("2026-11-23T16:00:00Z");
const day = 86_400_000;
const endingIn = (days: number, more = {}) =>
  token({ expires_at: new Date(now + days * day).toISOString(), ...more });

describe("the scope text", () => {
  test("names the environment and the agent", () => {
    expect(scopeText(token())).toBe("Account");
    expect(scopeText(token({ token_scope: "environment", environment_name: "Staging" }))).toBe(
      "Environment (Staging)",
    );
    expect(scopeText(deploymentToken())).toBe("Agent deployment (Invoice reader · Production)");
  });
});

describe("a token's title", () => {
  test("is its name, else its scope, with the last characters", () => {
    expect(tokenTitle(token())).toBe("“CI” (…x7Qa)");
    expect(tokenTitle(token({ name: null }))).toBe("Account token …x7Qa");
    expect(tokenTitle(token({ hint: "" }))).toBe("“CI”");
    expect(tokenTitle(token({ hint: "", name: null, id: "token-9" }))).toBe("Account token token-9");
    expect(tokenTitle(token({ name: "מפתח 5" }))).toBe("“\u2068מפתח 5\u2069” (…x7Qa)");
  });
});

describe("the expiry warning", () => {
  test("starts 14 days before the end", () => {
    expect(isEndingSoon(endingIn(14.1), now)).toBe(false);
    expect(isEndingSoon(endingIn(14), now)).toBe(true);
    expect(isEndingSoon(endingIn(0.01), now)).toBe(true);
  });
  test("is absent for expired and revoked tokens", () => {
    expect(isEndingSoon(endingIn(0), now)).toBe(false);
    expect(isEndingSoon(endingIn(3, { status: "revoked" }), now)).toBe(false);
  });
});

describe("the state", () => {
  test("is expired from the expiry on, unless the token is revoked", () => {
    expect(stateOf(endingIn(0.01), now)).toBe("active");
    expect(stateOf(endingIn(0), now)).toBe("expired");
    expect(stateOf(endingIn(-1, { status: "suspended" }), now)).toBe("expired");
    expect(stateOf(endingIn(-1, { status: "revoked" }), now)).toBe("revoked");
  });
});

describe("the revoker", () => {
  const by = (more: Partial<ApiToken>) =>
    changerText(token({ status: "revoked", revoked_at: "2026-11-20T16:00:00Z", ...more }));
  test("is named, even the holder, a deleted one and the command line", () => {
    expect(by({ revoked_by_admin_user_id: "user-1", revoked_by_name: "Ada Lovelace" })).toBe(
      "by Ada Lovelace",
    );
    expect(by({ revoked_by_api_token_id: "token-9", revoked_by_name: "API token …b8Kc" })).toBe(
      "by API token …b8Kc",
    );
    expect(by({ revoked_by_api_token_id: "token-1", revoked_by_name: "API token …x7Qa" })).toBe(
      "by its holder",
    );
    expect(by({ revoked_by_api_token_id: "token-9" })).toBe("by a deleted token");
    expect(by({})).toBe("on the server");
  });
});

describe("the last use", () => {
  test("is never only if there was none", () => {
    expect(lastUseText(token({ last_used_at: null }), now)).toBe("It has never been used.");
    expect(lastUseText(token({ last_used_at: "2026-11-23T15:55:00Z" }), now)).toBe(
      "It was last used 5 minutes ago.",
    );
  });
});

describe("the creator", () => {
  test("is named, even a deleted one and the command line", () => {
    expect(makerText(token())).toBe("Created by Ada Lovelace");
    expect(makerText(token({ created_by_name: null }))).toBe("Created by a former member");
    expect(makerText(token({ created_by_name: null, created_by_admin_user_id: null }))).toBe(
      "Created on the server",
    );
  });
});

describe("relative times", () => {
  test.each([
    [0, "just now"],
    [-9_000, "just now"],
    [-47_000, "45 seconds ago"],
    [-59_900, "1 minute ago"],
    [-3 * 60_000, "3 minutes ago"],
    [-23.6 * 3_600_000, "1 day ago"],
    [3 * day, "in 3 days"],
    [89.99 * day, "in 90 days"],
    [88 * day, "in 88 days"],
    [365 * day, "in 12 months"],
    [900 * day, "in 2 years"],
  ])("%d ms away is %s", (distance, text) => {
    expect(relativeTime(now + distance, now)).toBe(text);
  });
  test("never show an earlier time as more recent", () => {
    const lengths = { second: 1, minute: 60, hour: 3_600, day: 86_400, month: 2_629_746, year: 31_556_952 };
    const read = (text: string) => {
      const match = /^(\d+) (second|minute|hour|day|month|year)s? ago$/.exec(text);
      return match ? Number(match[1]) * lengths[match[2] as keyof typeof lengths] : 0;
    };
    let before = 0;
    for (let distance = 1_000; distance < 12 * 365 * day; distance *= 1.0005) {
      const shown = read(relativeTime(now - distance, now));
      expect(shown, `${distance} ms after ${before} s`).toBeGreaterThanOrEqual(before);
      before = shown;
    }
    expect(before).toBe(12 * lengths.year);
  });
  test.each([
    [0, /^\d\d:\d\d$/],
    [5.9 * day, /^(Sun|Mon) \d\d:\d\d$/],
    [6.1 * day, /^(29|30) Nov, \d\d:\d\d$/],
    [-7 * day, /^1[67] Nov, \d\d:\d\d$/],
    [90 * day, /^2[12] Feb 2027, \d\d:\d\d$/],
  ])("as a time of day, %d ms away, name as much of the date as it takes", (distance, text) => {
    expect(clockTime(now + distance, now)).toMatch(text);
  });
  test("have an exact form in UTC", () => {
    expect(utcTime(now)).toBe("2026-11-23 16:00:00 UTC");
  });
});
