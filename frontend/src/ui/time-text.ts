const units: [Intl.RelativeTimeFormatUnit, number, number][] = [
  // unit, its length in seconds, how many of it before the next larger one is used
  ["second", 1, 60],
  ["minute", 60, 60],
  ["hour", 3_600, 24],
  ["day", 86_400, 100],
  ["month", 2_629_746, 18],
  ["year", 31_556_952, Number.POSITIVE_INFINITY],
];

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });

/** `at` as seen from `now`, both in milliseconds: "3 days ago", "in 2 hours", "just now". */
export function relativeTime(at: number, now: number): string {
  const seconds = (at - now) / 1000;
  if (Math.abs(seconds) < 10) return "just now";
  for (const [unit, length, limit] of units) {
    const amount = Math.round(seconds / length);
    if (Math.abs(amount) < limit) {
      // Nothing is known to the second, so seconds go in steps of the accuracy that there is.
      return relative.format(unit === "second" ? Math.round(amount / 5) * 5 || amount : amount, unit);
    }
  }
  return relative.format(0, "second");
}

/** The exact instant in UTC: "2026-11-23 16:05:12 UTC". */
export function utcTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
