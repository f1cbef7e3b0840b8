import { memo } from "react";
import type { ApiToken } from "../wire";
import { barHeight, sumOf, usesText } from "./use-text";

export type RowUse = NonNullable<ApiToken["use"]>;

/** Pixels of a bar and the gap after it. */
const step = 3;
const height = 20;

interface UseBarsProps {
  use: RowUse;
  /** Whether the token no longer works. */
  ended: boolean;
}

/** The uses of each day as small bars, refusals on top. Screen readers get the sums. */
export const UseBars = memo(function UseBars({ use: { accepted, refused }, ended }: UseBarsProps) {
  const days = accepted.length;
  const most = Math.max(...accepted.map((amount, day) => amount + (refused[day] ?? 0)));
  let good = "";
  let bad = "";
  let none = "";
  for (const [day, amount] of accepted.entries()) {
    const missed = refused[day] ?? 0;
    const whole = barHeight(amount + missed, most, height);
    const top = amount === 0 ? whole : missed === 0 ? 0 : Math.max(2, (whole * missed) / (amount + missed));
    if (whole === 0) none += bar(day, height - 1, 1);
    if (amount > 0) good += bar(day, height - Math.max(whole - top, 1), Math.max(whole - top, 1));
    if (missed > 0) bad += bar(day, height - whole, Math.min(top, whole));
  }
  return (
    <>
      <svg aria-hidden width={days * step - 1} height={height} className="hidden min-[23.75rem]:block">
        <path d={none} className="fill-line-strong" />
        <path d={good} className={ended ? "fill-soft" : "fill-accent-ink"} />
        <path d={bad} className="fill-warn" />
      </svg>
      <span className="sr-only">{usesText(sumOf(accepted), sumOf(refused), `in ${days} days`)}</span>
    </>
  );
});

const bar = (day: number, top: number, tall: number) =>
  `M${day * step} ${top.toFixed(1)}h${step - 1}v${tall.toFixed(1)}h-${step - 1}z`;
