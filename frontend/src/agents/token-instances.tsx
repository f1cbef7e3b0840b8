import { Link } from "wouter";
import { Bar } from "../ui/bar";
import { Failure } from "../ui/notice";
import { Section } from "../ui/section";
import { Time } from "../ui/time";
import type { AgentInstance } from "../wire";
import { InstanceBadge } from "./instance-badge";
import { Ran } from "./instance-words";
import { instanceAddress, instanceTitle, useInstancesOf } from "./instances";

/** The newest instances that a token registered, on its page. */
export function TokenInstances({ tokenId }: { tokenId: string }) {
  const query = useInstancesOf(tokenId);
  const { data, error } = query;
  return (
    <Section
      title="Instances"
      text={
        data?.summaries.length === 0
          ? "No agent has registered an instance with this token."
          : "The newest runs of agents with this token, up to 5."
      }
    >
      <Failure
        of={query}
        lead={data ? undefined : "The instances could not be loaded."}
        className={data ? "mb-3" : ""}
      />
      {data && data.summaries.length > 0 && (
        <ul className="divide-y divide-line rounded-box border border-line">
          {data.summaries.map((instance) => (
            <li key={instance.id} className="px-4 py-2.5">
              <Row instance={instance} />
            </li>
          ))}
        </ul>
      )}
      {!data && !error && (
        <div className="rounded-box border border-line px-4 py-2.5">
          <Bar className="w-72" />
        </div>
      )}
    </Section>
  );
}

function Row({ instance }: { instance: AgentInstance }) {
  const { status, agent_name, environment_name, inserted_at } = instance;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 sm:grid-cols-[104px_minmax(0,1fr)_112px_112px]">
      <span>
        <InstanceBadge status={status} />
      </span>
      <span className="min-w-0 wrap-anywhere max-sm:col-span-2 max-sm:row-start-2">
        <Link
          href={instanceAddress(instance)}
          aria-label={`${instanceTitle(instance)} of ${agent_name}`}
          className="font-medium underline decoration-transparent underline-offset-3 hover:decoration-current"
        >
          <bdi>{agent_name}</bdi>
        </Link>{" "}
        <span className="text-soft">
          in <bdi>{environment_name}</bdi>
        </span>
      </span>
      <span className="text-small text-soft max-sm:hidden">
        <Ran instance={instance} />
      </span>
      <span className="text-right text-small text-soft">
        <Time at={inserted_at} past />
      </span>
    </div>
  );
}
