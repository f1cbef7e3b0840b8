import { BarChart, BarChartSkeleton } from "../ui/bar-chart";
import { hourText } from "../ui/chart-time";
import { count } from "../ui/count";
import { Failure } from "../ui/notice";
import type { AgentActivity, InstanceStatus } from "../wire";
import { statuses, statusWords, useActivity } from "./instances";

const hourLength = 3_600_000;

const looks: Record<InstanceStatus, { fill: string; key: string }> = {
  pending: { fill: "fill-line-strong", key: "bg-line-strong" },
  active: { fill: "fill-accent-ink", key: "bg-accent-ink" },
  complete: { fill: "fill-good", key: "bg-good" },
  failed: { fill: "fill-bad-ink", key: "bg-bad-ink" },
  cancelled: { fill: "fill-soft", key: "bg-soft" },
  terminated: { fill: "fill-warn", key: "bg-warn" },
};

/** From the bottom to the top: the most frequent status first. */
const order: InstanceStatus[] = ["complete", "active", "pending", "cancelled", "terminated", "failed"];

/** The instances of the last 24 hours by status. */
export function ActivityChart({ agentId }: { agentId: string }) {
  const query = useActivity(agentId);
  const { data: activity, error } = query;
  return (
    <section aria-label="Instances of the last 24 hours" aria-busy={!activity && !error} className="mt-5">
      <Failure
        of={query}
        lead={activity ? undefined : "The instances of the last 24 hours could not be loaded."}
        className={activity ? "mb-3" : ""}
      />
      {activity ? <Chart activity={activity} /> : !error && <BarChartSkeleton low />}
    </section>
  );
}

function Chart({ activity: { first, hours } }: { activity: AgentActivity }) {
  const total = hours.reduce((sum, hour) => sum + totalOf(hour), 0);
  return (
    <BarChart
      low
      what="Instances"
      one="hour"
      head="Hour"
      last="This hour"
      series={order.map((status) => ({
        name: statusWords[status],
        ...looks[status],
        amounts: hours.map((hour) => hour[status]),
      }))}
      labelOf={(at) => hourText(Date.parse(first) + at * hourLength)}
      whole={total === 0 ? "No instances in 24 hours" : `${count(total, "instance")} in 24 hours`}
      textOf={(at) => hourSummary(hours[at])}
    />
  );
}

const totalOf = (hour: AgentActivity["hours"][number]) =>
  statuses.reduce((sum, status) => sum + hour[status], 0);

/** "3 complete, 1 failed". */
function hourSummary(hour: AgentActivity["hours"][number] | undefined): string {
  const parts = order.flatMap((status) =>
    hour?.[status] ? `${hour[status].toLocaleString("en")} ${statusWords[status].toLowerCase()}` : [],
  );
  return parts.join(", ") || "no instances";
}
