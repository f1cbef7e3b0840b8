import { type PointerEvent, type ReactNode, useId, useState } from "react";
import { Button } from "./button";
import { ScrollBox } from "./scroll-box";

/** One kind of what is counted. */
export interface Series {
  name: string;
  /** The class that fills its bars. */
  fill: string;
  /** The class of its key. */
  key: string;
  amounts: number[];
}

interface BarChartProps {
  /** From the bottom to the top of each bar. All have the same number of amounts. */
  series: Series[];
  /** What is counted, such as "Uses". */
  what: string;
  /** The time of each bar, such as "hour", and the head of its column in the table. */
  one: string;
  head: string;
  labelOf: (at: number) => string;
  /** The label of the last bar. */
  last: string;
  /** The whole in words, and one bar in words after its label. */
  whole: string;
  textOf: (at: number) => string;
  /** For a chart that is not the subject of its page. */
  low?: boolean;
}

/** The share of the height that the smallest part has, so that a single use shows beside many. */
const lowest = 2.5;

/** Amounts by time as stacked bars, with the same numbers as a table. */
export function BarChart({ low = false, ...chart }: BarChartProps) {
  const { series, labelOf, last, whole, textOf } = chart;
  const [pointed, setPointed] = useState<number>();
  const [tabled, setTabled] = useState(false);
  const table = useId();
  const length = series[0]?.amounts.length ?? 0;
  const most = Math.max(0, ...totalsOf(series));
  function point({ currentTarget, clientX }: PointerEvent) {
    const { left, width } = currentTarget.getBoundingClientRect();
    const at = Math.floor(((clientX - left) / width) * length);
    setPointed(at >= 0 && at < length ? at : undefined);
  }
  const keys = low ? (
    <Keys series={series.filter(({ amounts }) => sumOf(amounts) > 0)} counted />
  ) : (
    <Keys series={series} />
  );
  const toTable = (
    <Button
      size="small"
      look="quiet"
      className="-mr-2 text-small"
      aria-pressed={tabled}
      aria-controls={table}
      onClick={() => setTabled(!tabled)}
    >
      Show as table
    </Button>
  );
  return (
    <div className={`rounded-box border border-line px-4 pb-2.5 ${low ? "pt-1.5" : "pt-3"}`}>
      <div
        className={`flex min-h-10 flex-wrap justify-between gap-x-4 ${low ? "items-center sm:min-h-7" : "items-baseline sm:min-h-5"}`}
      >
        {/* Its lines wrap before the button does. */}
        <p className={low ? "flex-1" : ""}>
          {pointed === undefined || pointed >= length ? whole : `${labelOf(pointed)}: ${textOf(pointed)}`}
        </p>
        {low
          ? toTable
          : most > 0 && <p className="text-small text-soft">Highest bar: {most.toLocaleString("en")}</p>}
      </div>
      <svg
        aria-hidden
        viewBox={`0 0 ${length} 100`}
        preserveAspectRatio="none"
        className={`mt-2 w-full touch-pan-y border-b border-line-strong ${low ? "h-10" : "h-36"}`}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => setPointed(undefined)}
      >
        {pointed !== undefined && <rect x={pointed} width={1} height={100} className="fill-hover" />}
        {barsOf(series, most).map((path, at) => (
          <path key={series[at]?.name} d={path} className={series[at]?.fill} />
        ))}
      </svg>
      <div className="mt-1 flex flex-wrap justify-between gap-x-4 gap-y-1 text-small text-soft">
        <span>{labelOf(0)}</span>
        {low && <div className="max-sm:order-1 max-sm:min-h-9 max-sm:basis-full">{keys}</div>}
        <span>{last}</span>
      </div>
      {!low && (
        <div className="mt-2 flex flex-wrap items-center justify-between gap-x-4 gap-y-1.5 text-small">
          {keys}
          {toTable}
        </div>
      )}
      {/* Screen readers always get the table. */}
      <div id={table} className={tabled ? "mt-2" : "sr-only"}>
        <Table {...chart} scrolls={tabled} />
      </div>
    </div>
  );
}

/** As high as a chart. */
export function BarChartSkeleton({ low = false }: { low?: boolean }) {
  return (
    <div
      className={`animate-pulse rounded-box border border-line bg-side ${low ? "h-41 sm:h-29" : "h-68 sm:h-63"}`}
    />
  );
}

function Keys({ series, counted = false }: { series: Series[]; counted?: boolean }) {
  return (
    <p className="flex flex-wrap gap-x-4 gap-y-1 text-ink">
      {series.map(({ name, key, amounts }) => (
        <span key={name} className="inline-flex items-center gap-1.5">
          <span aria-hidden className={`size-2.5 rounded-[2px] forced-color-adjust-none ${key}`} />
          {counted ? `${sumOf(amounts).toLocaleString("en")} ${name.toLowerCase()}` : name}
        </span>
      ))}
    </p>
  );
}

const sumOf = (amounts: number[]) => amounts.reduce((sum, amount) => sum + amount, 0);

const totalsOf = (series: Series[]) =>
  (series[0]?.amounts ?? []).map((_, at) => sumOf(series.map(({ amounts }) => amounts[at] ?? 0)));

/** The paths of each series. Every part of a bar stays visible; the largest one gives way. */
function barsOf(series: Series[], most: number): string[] {
  const paths = series.map(() => "");
  for (const [at, total] of totalsOf(series).entries()) {
    const heights = series.map(({ amounts }) =>
      amounts[at] ? Math.max((100 * amounts[at]) / most, lowest) : 0,
    );
    const surplus = sumOf(heights) - Math.max((100 * total) / most, lowest);
    const largest = heights.indexOf(Math.max(...heights));
    let top = 100;
    for (const [which, height] of heights.entries()) {
      if (height === 0) continue;
      const tall = which === largest ? Math.max(height - surplus, lowest / 2) : height;
      top -= tall;
      paths[which] += `M${at + 0.1} ${top.toFixed(2)}h0.8v${tall.toFixed(2)}h-0.8z`;
    }
  }
  return paths;
}

function Table({
  series,
  what,
  one,
  head,
  labelOf,
  scrolls,
}: Omit<BarChartProps, "low"> & { scrolls: boolean }): ReactNode {
  const rows = totalsOf(series)
    .flatMap((total, at) => (total > 0 ? [at] : []))
    .reverse();
  // Columns of zeros say nothing.
  const shown = series.length > 2 ? series.filter(({ amounts }) => sumOf(amounts) > 0) : series;
  const table = (
    <table className="w-full text-left">
      <caption className="sr-only">
        {what} by {one}, newest first.{" "}
        {rows.length === 0 ? "There are none." : `Each ${one} without ${what.toLowerCase()} is left out.`}
      </caption>
      <thead className="text-small text-soft">
        <tr>
          <th scope="col" className="py-1 font-medium">
            {head}
          </th>
          {shown.map(({ name }) => (
            <th key={name} scope="col" className="py-1 pl-4 text-right font-medium">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((at) => (
          <tr key={at} className="border-t border-line">
            <th scope="row" className="py-1 font-normal">
              {labelOf(at)}
            </th>
            {shown.map(({ name, amounts }) => (
              <td key={name} className="py-1 pl-4 text-right">
                {(amounts[at] ?? 0).toLocaleString("en")}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
  return scrolls ? (
    <ScrollBox aria-label={`${what} as a table`} className="max-h-66">
      {table}
    </ScrollBox>
  ) : (
    table
  );
}
