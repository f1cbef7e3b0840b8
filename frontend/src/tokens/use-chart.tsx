import { type PointerEvent, useId, useState } from "react";
import { Button } from "../ui/button";
import { ScrollBox } from "../ui/scroll-box";
import type { ApiTokenUse } from "../wire";
import { dayLength, hourLength, sumOf, usesText } from "./use-text";

export type Span = "hours" | "days";

export const spans = [
  { value: "hours" as const, label: "48 hours" },
  { value: "days" as const, label: "90 days" },
];

interface UseChartProps {
  span: Span;
  times: ApiTokenUse["hours"];
}

/** The share of the height that the smallest bar has, so that a single use shows beside many. */
const lowest = 2.5;

/** The uses of each hour or day as bars, refusals on top, with the same numbers as a table. */
export function UseChart({ span, times }: UseChartProps) {
  const { accepted, refused } = times;
  const [pointed, setPointed] = useState<number>();
  const [tabled, setTabled] = useState(false);
  const table = useId();
  const length = accepted.length;
  const wholes = accepted.map((amount, at) => amount + (refused[at] ?? 0));
  const most = Math.max(...wholes, 0);
  const when = spans.find(({ value }) => value === span)?.label;
  function point({ currentTarget, clientX }: PointerEvent) {
    const { left, width } = currentTarget.getBoundingClientRect();
    const at = Math.floor(((clientX - left) / width) * length);
    setPointed(at >= 0 && at < length ? at : undefined);
  }
  const said =
    pointed === undefined || pointed >= length
      ? `${usesText(sumOf(accepted), sumOf(refused), `in ${when}`)}.`
      : `${labelOf(span, times, pointed)}: ${usesText(accepted[pointed] ?? 0, refused[pointed] ?? 0, "")}`;
  return (
    <div className="rounded-box border border-line px-4 pt-3 pb-2.5">
      <div className="flex min-h-10 flex-wrap items-baseline justify-between gap-x-4 sm:min-h-5">
        <p>{said}</p>
        {most > 0 && <p className="text-small text-soft">Highest bar: {most.toLocaleString("en")}</p>}
      </div>
      <svg
        aria-hidden
        viewBox={`0 0 ${length} 100`}
        preserveAspectRatio="none"
        className="mt-2 h-36 w-full touch-pan-y border-b border-line-strong"
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => setPointed(undefined)}
      >
        {pointed !== undefined && <rect x={pointed} width={1} height={100} className="fill-hover" />}
        <path d={barsOf(wholes, wholes, most)} className="fill-warn" />
        <path d={barsOf(accepted, wholes, most)} className="fill-accent-ink" />
      </svg>
      <div className="mt-1 flex justify-between gap-4 text-small text-soft">
        <span>{labelOf(span, times, 0)}</span>
        <span>{span === "hours" ? "This hour" : "Today (UTC)"}</span>
      </div>
      <div className="mt-2 flex flex-wrap items-center justify-between gap-x-4 gap-y-1.5 text-small">
        <p className="flex gap-4">
          <Key className="bg-accent-ink">Accepted</Key>
          <Key className="bg-warn">Refused</Key>
        </p>
        <Button
          size="small"
          look="quiet"
          className="-mr-2"
          aria-pressed={tabled}
          aria-controls={table}
          onClick={() => setTabled(!tabled)}
        >
          Show as table
        </Button>
      </div>
      {/* Screen readers always get the table. */}
      <div id={table} className={tabled ? "mt-2" : "sr-only"}>
        <UseTable span={span} times={times} scrolls={tabled} />
      </div>
    </div>
  );
}

/** As high as a chart. */
export function UseChartSkeleton() {
  return <div className="h-68 animate-pulse rounded-box border border-line bg-side sm:h-63" />;
}

function Key({ className, children }: { className: string; children: string }) {
  return (
    <span className="inline-flex items-center gap-1.5">
      <span aria-hidden className={`size-2.5 rounded-[2px] forced-color-adjust-none ${className}`} />
      {children}
    </span>
  );
}

/** Bars of these amounts. They are drawn from the bottom, over the refused part of the whole. */
function barsOf(amounts: number[], wholes: number[], most: number): string {
  return amounts
    .map((amount, at) => {
      const whole = wholes[at] ?? 0;
      if (amount === 0) return "";
      let tall = Math.max((100 * amount) / most, lowest);
      // Both parts of a bar stay visible.
      if (amount < whole) tall = Math.min(tall, Math.max((100 * whole) / most - lowest, lowest / 2));
      return `M${at + 0.1} ${(100 - tall).toFixed(2)}h0.8v${tall.toFixed(2)}h-0.8z`;
    })
    .join("");
}

function UseTable({ span, times, scrolls }: UseChartProps & { scrolls: boolean }) {
  const { accepted, refused } = times;
  const rows = accepted
    .map((amount, at) => ({ at, accepted: amount, refused: refused[at] ?? 0 }))
    .filter((row) => row.accepted + row.refused > 0)
    .reverse();
  const one = span === "hours" ? "hour" : "day";
  const table = (
    <table className="w-full text-left">
      <caption className="sr-only">
        Uses by {one}, newest first.{" "}
        {rows.length === 0 ? "There are none." : `Each ${one} without uses is left out.`}
      </caption>
      <thead className="text-small text-soft">
        <tr>
          <th scope="col" className="py-1 font-medium">
            {span === "hours" ? "Hour" : "Day (UTC)"}
          </th>
          <th scope="col" className="py-1 text-right font-medium">
            Accepted
          </th>
          <th scope="col" className="py-1 pl-4 text-right font-medium">
            Refused
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.at} className="border-t border-line">
            <th scope="row" className="py-1 font-normal">
              {labelOf(span, times, row.at)}
            </th>
            <td className="py-1 text-right">{row.accepted.toLocaleString("en")}</td>
            <td className="py-1 pl-4 text-right">{row.refused.toLocaleString("en")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
  return scrolls ? (
    <ScrollBox aria-label="Uses as a table" className="max-h-66">
      {table}
    </ScrollBox>
  ) : (
    table
  );
}

const hourFormat = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const dayFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });

/** The start of an hour in local time, or a UTC day. */
function labelOf(span: Span, { first }: ApiTokenUse["hours"], at: number): string {
  const start = Date.parse(first) + at * (span === "hours" ? hourLength : dayLength);
  return (span === "hours" ? hourFormat : dayFormat).format(start);
}
