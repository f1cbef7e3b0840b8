const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const month = 2_629_746;
const year = 31_556_952;

/**
 * Each unit with its length and the distance from which the next one takes over, in seconds. The next unit never rounds
 * to less, so a sorted list of times also reads sorted.
 */
const units: [Intl.RelativeTimeFormatUnit, number, number][] = [
  ["second", 1, 57.5],
  ["minute", minute, 59.5 * minute],
  ["hour", hour, 23.5 * hour],
  ["day", day, 3.5 * month],
  ["month", month, 1.5 * year],
  ["year", year, Number.POSITIVE_INFINITY],
];

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });

/** Milliseconds that a past time may lie ahead, since clocks differ. */
export const tolerance = 60_000;

/** Describes `at` relative to `now`, both in milliseconds: "3 days ago", "in 2 hours", "just now". */
export function relativeTime(at: number, now: number): string {
  const seconds = (at - now) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 10) return "just now";
  for (const [unit, length, end] of units) {
    if (distance >= end) continue;
    // Times are accurate to a few seconds.
    const amount = unit === "second" ? Math.round(distance / 5) * 5 : Math.round(distance / length);
    return relative.format(seconds < 0 ? -amount : amount, unit);
  }
  return "";
}

/** A time of day, in local time: "14:05" today, "Sat 14:05" while the day of the week is enough, else "6 Dec, 14:05". */
export function clockTime(at: number, now: number): string {
  const [then, present] = [new Date(at), new Date(now)];
  const today = then.toDateString() === present.toDateString();
  const far = Math.abs(at - now) >= 6 * day * 1000;
  return new Intl.DateTimeFormat("en-GB", {
    weekday: today || far ? undefined : "short",
    day: far ? "numeric" : undefined,
    month: far ? "short" : undefined,
    year: far && then.getFullYear() !== present.getFullYear() ? "numeric" : undefined,
    hour: "2-digit",
    minute: "2-digit",
  }).format(at);
}

/** The exact instant in UTC: "2026-11-23 16:05:12 UTC". */
export function utcTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A day in local time: "27 Nov 2026". */
export function dayText(at: number): string {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" }).format(at);
}
