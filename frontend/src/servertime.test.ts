import { afterEach, expect, test, vi } from "vitest";
import { hearTime, serverNow } from "./servertime";

afterEach(() => {
  hearTime(new Date().toUTCString(), Date.now(), Date.now());
  vi.useRealTimers();
});

test.each([5 * 60_000, -5 * 60_000])(
  "a clock that is %d ms ahead is corrected to the server's time",
  (ahead) => {
    vi.useFakeTimers({ now: 1_800_000_000_000 + ahead });
    hearTime(new Date(1_800_000_000_000).toUTCString(), Date.now() - 40, Date.now());
    expect(Math.abs(serverNow() - 1_800_000_000_000)).toBeLessThan(1_000);
  },
);

test("a slow answer corrects the clock if its delay can't explain the difference", () => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  const at = Date.now();
  hearTime(new Date(at - 60_000).toUTCString(), at - 20_000, at);
  expect(Math.abs(serverNow() - (at - 60_000))).toBeLessThanOrEqual(13_000);
});

test("a slow answer that agrees with a faster one keeps the faster one's time", () => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  const at = Date.now();
  hearTime(new Date(at - 60_000).toUTCString(), at, at);
  const known = serverNow();
  hearTime(new Date(at - 60_000).toUTCString(), at - 20_000, at);
  expect(serverNow()).toBe(known);
});

test("small differences, slow answers and answers without a time change nothing", () => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  const at = Date.now();
  hearTime(new Date(at - 2_000).toUTCString(), at, at);
  hearTime(new Date(at - 20_000).toUTCString(), at - 20_000, at);
  hearTime(null, at, at);
  hearTime("soon", at, at);
  expect(serverNow()).toBe(at);
});
