const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * A lifetime in seconds; or a last day (YYYY-MM-DD) or minute (YYYY-MM-DDTHH:MM) in local time; or the token's present
 * end, in milliseconds.
 */
export type Expiry =
  | { kind: "length"; seconds: number }
  | { kind: "date"; date: string }
  | { kind: "unchanged"; at: number };

export interface Lifetimes {
  /** Seconds. */
  max: number;
  /** The default, in seconds. */
  usual: number;
}

/** The offered lengths: common ones and the server's default, up to its maximum. */
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
    [days, "day"] as const,
    [hours, "hour"] as const,
    [minutes, "minute"] as const,
    [rest % minute, "second"] as const,
  ];
  return parts.flatMap(([n, unit]) => (n === 0 ? [] : `${n} ${unit}${n === 1 ? "" : "s"}`)).join(" ");
}

/** Whether lifetimes are so short that the end is chosen by the minute. */
export const endsWithinDays = (max: number) => max < 2 * day;

/** The end of the token, in milliseconds; null without a valid date. */
export function expiryInstant(expiry: Expiry, now: number): number | null {
  if (expiry.kind === "unchanged") return expiry.at;
  if (expiry.kind === "length") return now + expiry.seconds * 1000;
  // Without a time, the token works until the end of the day.
  const at = Date.parse(expiry.date.includes("T") ? expiry.date : `${expiry.date}T23:59:59`);
  return Number.isNaN(at) ? null : at;
}

/** The error of a choice; null if it is valid. */
export function expiryProblem(expiry: Expiry, now: number, max: number): string | null {
  const at = expiryInstant(expiry, now);
  if (at === null) return endsWithinDays(max) ? "Choose a date and time." : "Choose a date.";
  if (at <= now) return endsWithinDays(max) ? "This time is in the past." : "This date is in the past.";
  if (expiry.kind !== "unchanged" && at > now + max * 1000)
    return `The longest lifetime is ${lengthLabel(max)}, ${endsWithinDays(max) ? "until" : "through"} ${lastChoice(now, max).replace("T", " ")}.`;
  return null;
}

/** The choice as fields of the request. */
export function expiryFields(expiry: Expiry, now: number): { expires_in?: number; expires_at?: string } {
  if (expiry.kind === "unchanged") return {};
  if (expiry.kind === "length") return { expires_in: expiry.seconds };
  return { expires_at: new Date(expiryInstant(expiry, now) ?? 0).toISOString() };
}

/** The first value of the date field; lastChoice is the last. */
export function firstChoice(now: number, max: number): string {
  return endsWithinDays(max) ? choosable(now + minute * 1000, minute) : dateInput(new Date(now));
}

export function lastChoice(now: number, max: number): string {
  if (endsWithinDays(max)) return choosable(now + max * 1000, -minute);
  const end = new Date(now + max * 1000);
  return dateInput(new Date(end.getFullYear(), end.getMonth(), end.getDate() - 1));
}

/** The first minute, in steps of seconds, that a time input can mean. In an hour that the clock repeats, it means the first. */
function choosable(at: number, step: number): string {
  const text = timeInput(new Date(at));
  return at - Date.parse(text) < minute * 1000 ? text : choosable(at + step * 1000, step);
}

/** A day as date inputs write it: "2026-11-23", in local time. Swedish dates have this form. */
const dateInput = (date: Date) => date.toLocaleDateString("sv");

/** A minute as date inputs write it: "2026-11-23T16:05", in local time. */
const timeInput = (date: Date) =>
  `${dateInput(date)}T${date.toLocaleTimeString("sv", { timeStyle: "short" })}`;

/** The instant and its zone: "Sunday, 21 February 2027 at 16:05 (Europe/Berlin, GMT+1)". */
export function spelledOut(at: number): string {
  const date = new Date(at);
  const words = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "short" }).format(date);
  const zone = new Intl.DateTimeFormat("en-GB").resolvedOptions().timeZone;
  const offset = new Intl.DateTimeFormat("en-GB", { timeZoneName: "shortOffset" })
    .formatToParts(date)
    .find((part) => part.type === "timeZoneName")?.value;
  return `${words} (${offset && offset !== zone && zone !== "UTC" ? `${zone}, ${offset}` : "UTC"})`;
}
