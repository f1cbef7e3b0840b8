import { useState } from "react";
import { BarChartSkeleton } from "../ui/bar-chart";
import { count } from "../ui/count";
import { GridFact, GridFacts } from "../ui/facts";
import { Failure } from "../ui/notice";
import { Section } from "../ui/section";
import { Segments } from "../ui/segments";
import { Time } from "../ui/time";
import { dayText } from "../ui/time-text";
import type { ApiTokenUse } from "../wire";
import type { useTokenUse } from "./tokens";
import { type Span, spans, UseChart } from "./use-chart";
import { sumOf } from "./use-text";

/** How a token is used: the chart, its addresses, and its refused uses. What is below the chart follows once it is loaded. */
export function UseSections({ query }: { query: ReturnType<typeof useTokenUse> }) {
  const { data: use, error } = query;
  const [span, setSpan] = useState<Span>("hours");
  return (
    <>
      <Section
        title="Use"
        action={
          <fieldset>
            <legend className="sr-only">Period</legend>
            <Segments options={spans} value={span} onChange={setSpan} />
          </fieldset>
        }
      >
        <Failure
          of={query}
          lead={use ? undefined : "The uses could not be loaded."}
          className={use ? "mb-3" : ""}
        />
        {use ? <UseChart key={span} span={span} times={use[span]} /> : !error && <BarChartSkeleton />}
        {use && (
          <p className="mt-2 text-small text-soft">
            Each validation since {dayText(Date.parse(use.counted_since))} is counted exactly. Addresses are
            sampled, at most once in {count(use.accuracy.sampled_every_seconds, "second")}.
          </p>
        )}
      </Section>
      {use && <Addresses use={use} />}
      {use && <Refusals use={use} />}
    </>
  );
}

function Addresses({ use: { addresses } }: { use: ApiTokenUse }) {
  return (
    <Section
      title="Addresses"
      text={
        addresses.length === 0
          ? "No client has used this token yet."
          : "The last clients, up to 8, newest first."
      }
    >
      {addresses.length > 0 && (
        <div className="overflow-hidden rounded-box border border-line">
          <table className="w-full table-fixed text-left">
            <thead className="border-b border-line bg-side text-small text-soft">
              <tr>
                {["Address", "Last accepted", "Last refused"].map((head, column) => (
                  <th
                    key={head}
                    scope="col"
                    className={`px-3 py-2 font-medium sm:px-4 ${column === 0 ? "w-2/5 sm:w-1/2" : ""}`}
                  >
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody className="divide-y divide-line">
              {addresses.map(({ address, last_accepted_at, last_refused_at }) => (
                <tr key={address}>
                  <th
                    scope="row"
                    className="px-3 py-2.5 align-top sm:px-4 font-mono text-small/5 font-normal wrap-anywhere"
                  >
                    {address}
                  </th>
                  <td className="px-3 py-2.5 align-top sm:px-4">
                    <At at={last_accepted_at} />
                  </td>
                  <td className="px-3 py-2.5 align-top sm:px-4">
                    <At at={last_refused_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}

const At = ({ at }: { at: string | null }) =>
  at ? <Time at={at} past /> : <span className="text-soft">Never</span>;

/** The uses while the token was suspended, revoked or expired. */
function Refusals({ use }: { use: ApiTokenUse }) {
  const { last_refused_at, last_hour, last_day, days, addresses } = use;
  const from = addresses.filter((one) => one.last_refused_at);
  const since = (total: ApiTokenUse["last_day"]) => (
    <>
      since <Time at={total.since} clock />
    </>
  );
  return (
    <Section
      title="Refused uses"
      text={
        last_refused_at
          ? "While the token was suspended, revoked or expired."
          : "None. A use is refused while the token is suspended, revoked or expired."
      }
    >
      {last_refused_at && (
        <GridFacts className="lg:grid-cols-4">
          <GridFact name="Last refused">
            <Time at={last_refused_at} past />
          </GridFact>
          <GridFact name="Last hour">
            {last_hour.refused.toLocaleString("en")} {since(last_hour)}
          </GridFact>
          <GridFact name="Last 24 hours">
            {last_day.refused.toLocaleString("en")} {since(last_day)}
          </GridFact>
          <GridFact name="Last 90 days">{sumOf(days.refused).toLocaleString("en")}</GridFact>
          <GridFact name="From" className="col-span-2 lg:col-span-4">
            {from.length === 0 ? "Unknown" : from.map(({ address }) => address).join(", ")}
          </GridFact>
        </GridFacts>
      )}
    </Section>
  );
}
