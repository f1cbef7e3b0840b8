import { BarChart } from "../ui/bar-chart";
import { hourText, utcDayText } from "../ui/chart-time";
import type { ApiTokenUse } from "../wire";
import { dayLength, hourLength, sumOf, usesText } from "./use-text";

export type Span = "hours" | "days";

export const spans = [
  { value: "hours" as const, label: "48 hours" },
  { value: "days" as const, label: "90 days" },
];

const ofSpan = {
  hours: { one: "hour", head: "Hour", last: "This hour", length: hourLength, text: hourText },
  days: { one: "day", head: "Day (UTC)", last: "Today (UTC)", length: dayLength, text: utcDayText },
};

interface UseChartProps {
  span: Span;
  times: ApiTokenUse["hours"];
}

/** The uses of each hour or day, refusals on top. */
export function UseChart({ span, times: { first, accepted, refused } }: UseChartProps) {
  const { length, text, ...time } = ofSpan[span];
  const period = spans.find(({ value }) => value === span)?.label;
  return (
    <BarChart
      what="Uses"
      {...time}
      series={[
        { name: "Accepted", fill: "fill-accent-ink", key: "bg-accent-ink", amounts: accepted },
        { name: "Refused", fill: "fill-warn", key: "bg-warn", amounts: refused },
      ]}
      labelOf={(at) => text(Date.parse(first) + at * length)}
      whole={`${usesText(sumOf(accepted), sumOf(refused), `in ${period}`)}.`}
      textOf={(at) => usesText(accepted[at] ?? 0, refused[at] ?? 0)}
    />
  );
}
