import { expect, test } from "vitest";
import { durationText } from "./duration";

test.each([
  [-5, "0 ms"],
  [0, "0 ms"],
  [340.4, "340 ms"],
  [999, "999 ms"],
  [999.7, "999 ms"],
  [1_000, "1.0 s"],
  [59_999, "59.9 s"],
  [60_000, "1 min"],
  [200_000, "3 min 20 s"],
  [7_500_000, "2 h 5 min"],
  [86_400_000, "1 d"],
  [1_234 * 86_400_000 + 7_200_000, "1,234 d 2 h"],
])("%d milliseconds are %s", (length, text) => {
  expect(durationText(length)).toBe(text);
});
