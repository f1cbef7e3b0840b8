import { count } from "../ui/count";
import { relativeTime } from "../ui/time-text";
import type { ApiToken } from "../wire";

export const hourLength = 3_600_000;
export const dayLength = 24 * hourLength;

/** Pixels of the lowest bar. */
const lowest = 2;

export const sumOf = (amounts: number[]) => amounts.reduce((sum, amount) => sum + amount, 0);

/** The height of a bar. It grows with the square root, so that quiet days show beside busy ones. 0 only for no uses. */
export function barHeight(amount: number, most: number, height: number): number {
  return amount === 0 ? 0 : Math.max(lowest, height * Math.sqrt(amount / most));
}

/**
 * "1,204 accepted and 3 refused in 30 days", or "Not used in 30 days". Without `when`, "None". A "since" suits only uses:
 * after "Not used" it reads as the last one.
 */
export function usesText(accepted: number, refused: number, when = ""): string {
  if (accepted + refused === 0) return when ? `Not used ${when}` : "None";
  const parts = [
    accepted > 0 && `${accepted.toLocaleString("en")} accepted`,
    refused > 0 && `${refused.toLocaleString("en")} refused`,
  ];
  return `${parts.filter(Boolean).join(" and ")} ${when}`.trim();
}

type SecretUse = NonNullable<NonNullable<ApiToken["use"]>["secrets"]>["new"];

/** "12 uses, the last 5 minutes ago" or "not used yet"; `none` replaces the latter. */
export function secretUseText(use: SecretUse, now: number, none: string): string {
  if (!use.last_used_at) return none;
  return `${count(use.accepted, "use")}, the last ${relativeTime(Date.parse(use.last_used_at), now)}`;
}

/** Whether `at` is less than `length` milliseconds ago. A time in the future counts: the clock may have been wrong. */
export function isWithin(at: string | null, length: number, now: number): boolean {
  return at !== null && Date.parse(at) > now - length;
}
