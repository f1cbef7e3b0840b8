import { Activity, SearchX } from "lucide-react";
import { Link, useSearchParams } from "wouter";
import { Bars } from "../ui/bar";
import { Button, ButtonLink } from "../ui/button";
import { isolate } from "../ui/isolate";
import { type Column, type Empty, List, menuColumn } from "../ui/list";
import { leavePlace } from "../ui/pager";
import { Select } from "../ui/select";
import { Time } from "../ui/time";
import type { Agent, AgentInstance } from "../wire";
import { AgentPage } from "./agent-page";
import { addressOf, useDeployments } from "./agents";
import { useInstanceActions } from "./instance-actions";
import { InstanceBadge } from "./instance-badge";
import { InstanceToken, purposeWords, Ran } from "./instance-words";
import {
  type InstanceFilter,
  instanceAddress,
  instanceTitle,
  statuses,
  statusWords,
  useInstances,
} from "./instances";

export default function InstancesPage({ id }: { id: string }) {
  return (
    <AgentPage id={id} tab="instances">
      {(agent) => <Instances agent={agent} />}
    </AgentPage>
  );
}

function Instances({ agent }: { agent: Agent }) {
  const [filter, change] = useFilter();
  const list = useInstances(agent.id, filter);
  const { actionsOf, dialogs } = useInstanceActions();
  const narrowed = filter.status !== undefined || filter.env !== undefined;
  const menu = menuColumn(instanceTitle, actionsOf);
  const nothing = list.pagination?.item_count === 0 && !narrowed && !list.turning;
  return (
    <>
      {!nothing && <Filters agent={agent} filter={filter} change={change} />}
      <List
        name={`Instances of ${agent.name}`}
        list={list}
        rowClass={() => "relative hover:bg-hover"}
        columns={[
          ...columns,
          { ...menu, cell: (instance) => <div className={above}>{menu.cell(instance)}</div> },
        ]}
        empty={narrowed ? nothingFound(() => change({})) : noneYet(agent)}
      />
      {dialogs}
    </>
  );
}

/** The filter in the address, and its setter, which leads to the first page. */
function useFilter(): [InstanceFilter, (next: InstanceFilter) => void] {
  const [address, setAddress] = useSearchParams();
  const status = statuses.find((one) => one === address.get("status"));
  const env = address.get("env") || undefined;
  const change = (next: InstanceFilter) =>
    setAddress((before) => {
      const after = new URLSearchParams(before);
      leavePlace(after);
      for (const name of ["status", "env"] as const) {
        if (next[name]) after.set(name, next[name]);
        else after.delete(name);
      }
      return after;
    });
  return [{ status, env }, change];
}

interface FiltersProps {
  agent: Agent;
  filter: InstanceFilter;
  change: (next: InstanceFilter) => void;
}

const statusOptions = [
  { value: "", label: "Any status" },
  ...statuses.map((status) => ({ value: status, label: statusWords[status] })),
];

function Filters({ agent, filter, change }: FiltersProps) {
  const { data: deployments } = useDeployments(agent.id);
  const environments = (deployments ?? []).map((one) => ({
    value: one.environment_id,
    label: one.environment_name,
  }));
  // The environment of a shared link may be unknown here.
  if (filter.env && !environments.some(({ value }) => value === filter.env)) {
    environments.push({ value: filter.env, label: deployments ? "Unknown environment" : "…" });
  }
  return (
    <fieldset className="mb-3 grid grid-cols-2 gap-2 sm:flex *:relative sm:*:w-48">
      <legend className="sr-only">Filters</legend>
      <div>
        <Select
          aria-label="Status"
          options={statusOptions}
          value={filter.status ?? ""}
          onChange={(value) => change({ ...filter, status: statuses.find((one) => one === value) })}
        />
      </div>
      <div>
        <Select
          aria-label="Environment"
          options={[{ value: "", label: "Any environment" }, ...environments]}
          value={filter.env ?? ""}
          onChange={(env) => change({ ...filter, env: env || undefined })}
        />
      </div>
    </fieldset>
  );
}

/** Puts a link, time or menu above the link that covers the row. */
const above = "relative z-1";

const columns: Column<AgentInstance>[] = [
  {
    head: "Instance",
    skeleton: (
      <Bars lines={["w-40", "w-28 mt-1 h-4", "w-40 mt-1 h-4 sm:hidden", "w-32 mt-1 h-4 sm:hidden"]} />
    ),
    cell: (instance) => <InstanceCell instance={instance} />,
  },
  { head: "Duration", width: "w-32", from: "sm", cell: (instance) => <Ran instance={instance} /> },
  {
    head: "Deployment",
    width: "w-44",
    from: "sm",
    skeleton: <Bars lines={["w-24", "w-20 mt-1 h-4"]} />,
    cell: ({ environment_name, agent_version_identifier: version }) => (
      <>
        <p className="line-clamp-2" title={environment_name}>
          {environment_name}
        </p>
        <Version of={version} />
      </>
    ),
  },
  {
    head: "Token",
    width: "w-44",
    from: "md",
    cell: (instance) => (
      <span className={`line-clamp-2 ${above}`} title={instance.api_token_name ?? undefined}>
        <InstanceToken instance={instance} />
      </span>
    ),
  },
];

function InstanceCell({ instance }: { instance: AgentInstance }) {
  const { status, purpose, started_at, inserted_at } = instance;
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
        <InstanceBadge status={status} />
        {/* The link covers its whole row. */}
        <Link
          href={instanceAddress(instance)}
          aria-label={instanceTitle(instance)}
          className="font-mono text-small/5 after:absolute after:inset-0"
        >
          …{instance.id.slice(-8)}
        </Link>
        {purpose !== "live" && <span className="text-small text-soft">{purposeWords[purpose]}</span>}
      </p>
      <p className="mt-1 text-small text-soft">
        {started_at ? "Started " : "Registered "}
        <span className={above}>
          <Time at={started_at ?? inserted_at} past />
        </span>
      </p>
      <p className="mt-1 text-small text-soft sm:hidden">
        <Ran instance={instance} /> in {instance.environment_name}
      </p>
      <div className="mt-1 flex flex-wrap gap-x-3 text-small text-soft md:hidden">
        <span className="sm:hidden">
          <Version of={instance.agent_version_identifier} />
        </span>
        <span className={`line-clamp-2 ${above}`}>
          <InstanceToken instance={instance} />
        </span>
      </div>
    </>
  );
}

const Version = ({ of }: { of: string | null }) =>
  of && (
    <span className="line-clamp-2 font-mono text-small text-soft" title={of}>
      {of}
    </span>
  );

function noneYet({ id, name: plain, status }: Agent): Empty {
  const name = isolate(plain);
  const retired = status === "retired";
  return {
    icon: Activity,
    title: "No instances yet",
    text: retired
      ? `${name} is retired. Reinstate it to run it.`
      : `An instance is one run of ${name}. Start the SDK with a deployment token, and it appears here.`,
    action: !retired && (
      <ButtonLink href={`${addressOf(id)}?create=token`}>Create deployment token</ButtonLink>
    ),
  };
}

function nothingFound(onClear: () => void): Empty {
  return {
    icon: SearchX,
    title: "No instances match",
    text: "Try another status or environment.",
    action: <Button onClick={onClear}>Clear filters</Button>,
    reads: true,
  };
}
