const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * How long a new token lives: a number of seconds, which the server counts, through a given day (YYYY-MM-DD), or until a
 * given minute (YYYY-MM-DDTHH:MM), both in local time.
 */
export type Expiry = { kind: "length"; seconds: number } | { kind: "date"; date: string };

export interface Lifetimes {
  /** Seconds that a token may live at most. */
  max: number;
  /** Seconds that a token lives unless asked otherwise. */
  usual: number;
}

/** The lengths to choose from: common ones and the server's own, none above its maximum. */
export function presets({ max, usual }: Lifetimes): number[] {
  const common = max < 30 * day ? [hour, day, 7 * day] : [30 * day, 90 * day, 365 * day];
  const lengths = new Set([...common, Math.min(usual, max)].filter((length) => length <= max));
  return [...lengths].sort((a, b) => a - b);
}

/** A length in words: "1 year", "90 days", "36 hours", "1 day 30 minutes". */
export function lengthLabel(seconds: number): string {
  if (seconds === 365 * day) return "1 year";
  const days = seconds % day === 0 || seconds >= 3 * day ? Math.floor(seconds / day) : 0;
  const rest = seconds - days * day;
  const hours = rest % hour === 0 || rest >= 3 * hour ? Math.floor(rest / hour) : 0;
  const minutes = Math.floor((rest - hours * hour) / minute);
  const parts = [
    count(days, "day"),
    count(hours, "hour"),
    count(minutes, "minute"),
    count(rest % minute, "second"),
  ];
  return parts.filter((part) => part !== "").join(" ");
}

const count = (n: number, thing: string) => (n === 0 ? "" : `${n} ${thing}${n === 1 ? "" : "s"}`);

/** Whether a token lives for so short that its end is chosen to the minute and not to the day. */
export const endsWithinDays = (max: number) => max < 2 * day;

/** The instant that a choice means, in milliseconds; null while no valid date is chosen. */
export function expiryInstant(expiry: Expiry, now: number): number | null {
  if (expiry.kind === "length") return now + expiry.seconds * 1000;
  const parts = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}))?/.exec(expiry.date);
  if (!parts) return null;
  // Without a time the last second of that day on this clock: who picks a day expects the token to work on it.
  const [hours, minutes, seconds] = parts[4] ? [Number(parts[4]), Number(parts[5]), 0] : [23, 59, 59];
  return new Date(
    Number(parts[1]),
    Number(parts[2]) - 1,
    Number(parts[3]),
    hours,
    minutes,
    seconds,
  ).getTime();
}

/** What is wrong with a choice, to be shown at the field; null if nothing is. */
export function expiryProblem(expiry: Expiry, now: number, max: number): string | null {
  const at = expiryInstant(expiry, now);
  if (at === null) return endsWithinDays(max) ? "Choose a date and time." : "Choose a date.";
  if (at <= now) return endsWithinDays(max) ? "This time is in the past." : "This date is in the past.";
  if (at > now + max * 1000)
    return `The longest lifetime is ${lengthLabel(max)}, ${endsWithinDays(max) ? "until" : "through"} ${lastChoice(now, max).replace("T", " ")}.`;
  return null;
}

/** What the request says of a choice. */
export function expiryFields(expiry: Expiry, now: number): { expires_in: number } | { expires_at: string } {
  if (expiry.kind === "length") return { expires_in: expiry.seconds };
  return { expires_at: new Date(expiryInstant(expiry, now) ?? 0).toISOString() };
}

/** The first and the last value that the field for a date takes. */
export function firstChoice(now: number, max: number): string {
  return endsWithinDays(max) ? timeInput(new Date(now + minute * 1000)) : dateInput(new Date(now));
}

export function lastChoice(now: number, max: number): string {
  const end = new Date(now + max * 1000);
  if (endsWithinDays(max)) return timeInput(end);
  return dateInput(new Date(end.getFullYear(), end.getMonth(), end.getDate() - 1));
}

const two = (value: number) => String(value).padStart(2, "0");

/** A day as date inputs write it: "2026-11-23", in local time. */
export function dateInput(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** A minute as inputs write it: "2026-11-23T16:05", in local time. */
function timeInput(date: Date): string {
  return `${dateInput(date)}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The instant in words with the zone that it is told in: "Sunday, 21 February 2027 at 16:05 (Europe/Berlin, GMT+1)". */
export function spelledOut(at: number): string {
  const date = new Date(at);
  const words = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "short" }).format(date);
  const zone = new Intl.DateTimeFormat("en-GB").resolvedOptions().timeZone;
  const offset = new Intl.DateTimeFormat("en-GB", { timeZoneName: "shortOffset" })
    .formatToParts(date)
    .find((part) => part.type === "timeZoneName")?.value;
  return `${words} (${offset && offset !== zone && zone !== "UTC" ? `${zone}, ${offset}` : "UTC"})`;
}
