import { Bot } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { messageOf } from "../api";
import { Button } from "../ui/button";
import { Bar, EmptyList, ListFrame } from "../ui/list-frame";
import { PageHeader } from "../ui/page";
import { pageSize, usePage } from "../ui/pager";
import { Time } from "../ui/time";
import { useTitle } from "../ui/title";
import { announce } from "../ui/toast";
import type { Agent } from "../wire";
import { AgentBadge } from "./agent-badge";
import { useAgents } from "./agents";
import { RegisterAgentDialog } from "./register-agent-dialog";

export function AgentsPage() {
  useTitle("Agents");
  const [page, setPage] = usePage();
  const [, navigate] = useLocation();
  const [registering, setRegistering] = useState(false);
  const agents = useAgents(page, pageSize);
  return (
    <>
      <PageHeader
        title="Agents"
        action={
          <Button look="primary" onClick={() => setRegistering(true)}>
            Register agent
          </Button>
        }
      >
        <p className="mt-1 text-soft">
          Programs that you let in. Each gets a token of its own per environment.
        </p>
      </PageHeader>
      <div className="h-6" />
      <ListFrame
        name="Agents"
        items={agents.data?.summaries}
        failure={agents.error ? messageOf(agents.error) : null}
        onRetry={() => void agents.refetch()}
        pages={{ pagination: agents.data?.pagination, page, onPage: setPage }}
        head={
          <tr>
            <th scope="col" className="px-4 py-2 font-medium">
              Agent
            </th>
            <th scope="col" className="hidden w-32 px-4 py-2 font-medium sm:table-cell">
              Status
            </th>
            <th scope="col" className="hidden w-36 px-4 py-2 font-medium sm:table-cell">
              Last seen
            </th>
            <th scope="col" className="hidden w-36 px-4 py-2 font-medium md:table-cell">
              Registered
            </th>
          </tr>
        }
        skeleton={
          <>
            <td className="px-4 py-3">
              <Bar className="w-40" />
              <div className="mt-1 h-5">
                <Bar className="w-72" />
              </div>
              <div className="mt-2 h-5 sm:hidden">
                <Bar className="w-44" />
              </div>
            </td>
            <td className="hidden px-4 py-3 align-top sm:table-cell">
              <Bar className="w-16" />
            </td>
            <td className="hidden px-4 py-3 align-top sm:table-cell">
              <Bar className="w-20" />
            </td>
            <td className="hidden px-4 py-3 align-top md:table-cell">
              <Bar className="w-20" />
            </td>
          </>
        }
        row={(agent) => <AgentRow key={agent.id} agent={agent} />}
        empty={
          <EmptyList
            icon={<Bot aria-hidden className="size-6" />}
            title="No agents yet"
            text="Register the first program that shall have an identity of its own."
            action={<Button onClick={() => setRegistering(true)}>Register the first agent</Button>}
          />
        }
      />
      <RegisterAgentDialog
        open={registering}
        onClose={() => setRegistering(false)}
        onRegistered={(agent) => {
          announce(`${agent.name} is registered. Create its first deployment token here.`);
          navigate(`/agents/${encodeURIComponent(agent.id)}/deployments`);
        }}
      />
    </>
  );
}

function AgentRow({ agent }: { agent: Agent }) {
  const lastSeen = agent.last_seen_at ? <RowTime at={agent.last_seen_at} note="±5 s" past /> : "Never";
  return (
    <tr className="relative hover:bg-hover">
      <td className="px-4 py-3 align-top">
        {/* The link covers its row, so that all of it can be clicked. */}
        <Link
          href={`/agents/${encodeURIComponent(agent.id)}/deployments`}
          className="font-medium wrap-anywhere after:absolute after:inset-0"
        >
          {agent.name}
        </Link>
        <p
          className="mt-1 line-clamp-2 min-h-5 text-soft wrap-anywhere"
          title={agent.description ?? undefined}
        >
          {agent.description ?? "No description"}
        </p>
        <p className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1 text-small text-soft sm:hidden">
          <span className="text-ink">
            <AgentBadge status={agent.status} />
          </span>
          <span>Last seen {lastSeen}</span>
        </p>
      </td>
      <td className="hidden px-4 py-3 align-top sm:table-cell">
        <AgentBadge status={agent.status} />
      </td>
      <td className="hidden px-4 py-3 align-top text-soft sm:table-cell">{lastSeen}</td>
      <td className="hidden px-4 py-3 align-top text-soft md:table-cell">
        <RowTime at={agent.inserted_at} />
      </td>
    </tr>
  );
}

/** A time that stays within reach although the row's link lies over everything. */
function RowTime({ at, note, past }: { at: string; note?: string; past?: boolean }) {
  return (
    <span className="relative z-1">
      <Time at={at} note={note} past={past} />
    </span>
  );
}
