const day = 86_400_000;

/** A safety margin for the longest allowed life, should this clock be ahead of the server's. */
const margin = 60_000;

/** How long a new token lives: a number of days from now, or through a given day (YYYY-MM-DD, local time). */
export type Expiry = { kind: "days"; days: number } | { kind: "date"; date: string };

export interface Lifetimes {
  /** Days that a token may live at most. */
  max: number;
  /** Days that a token lives unless asked otherwise. */
  usual: number;
}

/** The lengths to choose from: the usual ones and the server's own, none above its maximum. */
export function presets({ max, usual }: Lifetimes): number[] {
  const days = new Set([30, 90, 365, usual].filter((length) => length <= max));
  if (days.size === 0) days.add(max);
  return [...days].sort((a, b) => a - b);
}

export function presetLabel(days: number): string {
  if (days === 365) return "1 year";
  return days === 1 ? "1 day" : `${days} days`;
}

/** The instant that a choice means, in milliseconds; null while no valid date is chosen. */
export function expiryInstant(expiry: Expiry, now: number, max: number): number | null {
  if (expiry.kind === "days") return now + expiry.days * day - (expiry.days >= max ? margin : 0);
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(expiry.date);
  if (!parts) return null;
  // The last second of that day on this clock: who picks a day expects the token to work on it.
  return new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]), 23, 59, 59).getTime();
}

/** What is wrong with a choice, to be shown at the field; null if nothing is. */
export function expiryProblem(expiry: Expiry, now: number, max: number): string | null {
  const at = expiryInstant(expiry, now, max);
  if (at === null) return "Choose a date.";
  if (at <= now) return "This date is in the past.";
  if (at > now + max * day)
    return `Tokens may live ${max} days at most, through ${dateInput(lastDay(now, max))}.`;
  return null;
}

/** The last whole day that a token may live through, as a local midnight. */
export function lastDay(now: number, max: number): Date {
  const end = new Date(now + max * day - margin);
  return new Date(end.getFullYear(), end.getMonth(), end.getDate() - 1);
}

/** A day as date inputs write it: "2026-11-23", in local time. */
export function dateInput(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
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
