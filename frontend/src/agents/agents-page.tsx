import { Bot } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { Bars } from "../ui/bar";
import { Button } from "../ui/button";
import { List } from "../ui/list";
import { ListSearch, nothingFound, useSearch } from "../ui/list-search";
import { PageHeader } from "../ui/page";
import { Changing } from "../ui/read-only";
import { Time } from "../ui/time";
import type { Agent } from "../wire";
import { AgentBadge } from "./agent-badge";
import { AgentDialog } from "./agent-dialogs";
import { addressOf, useAgents } from "./agents";

export default function AgentsPage() {
  const [registering, setRegistering] = useState(false);
  const search = useSearch();
  const list = useAgents(search.text);
  return (
    <>
      <PageHeader
        title="Agents"
        tabTitle="Agents"
        action={
          <Changing>
            <Button look="primary" onClick={() => setRegistering(true)}>
              Register agent
            </Button>
          </Changing>
        }
      >
        <p className="mt-1 text-soft">
          The programs you give access. Each has its own token for each environment.
        </p>
      </PageHeader>
      <div className="h-6" />
      <ListSearch
        search={search}
        list={list}
        items="agents"
        placeholder="Search by name, description or ID"
      />
      <List
        name="Agents"
        list={list}
        rowClass={() => "relative hover:bg-hover"}
        columns={[
          {
            head: "Agent",
            skeleton: <Bars lines={["w-40", "w-72 mt-1 h-5", "w-44 mt-2 h-5 sm:hidden"]} />,
            cell: (agent) => <AgentCell agent={agent} />,
          },
          { head: "Status", width: "w-32", from: "sm", cell: ({ status }) => <AgentBadge status={status} /> },
          {
            head: "Last seen",
            width: "w-36",
            from: "sm",
            soft: true,
            cell: (agent) => <LastSeen agent={agent} />,
          },
          {
            head: "Registered",
            width: "w-36",
            from: "md",
            soft: true,
            cell: (agent) => (
              <span className={aboveLink}>
                <Time at={agent.inserted_at} />
              </span>
            ),
          },
        ]}
        empty={
          search.text
            ? nothingFound(search, "agents")
            : {
                icon: Bot,
                title: "No agents yet",
                text: "Register your first agent to give it its own identity.",
                action: <Button onClick={() => setRegistering(true)}>Register the first agent</Button>,
              }
        }
      />
      {registering && <AgentDialog onClose={() => setRegistering(false)} />}
    </>
  );
}

/** Puts a time above the link that covers the row. */
const aboveLink = "relative z-1";

function AgentCell({ agent }: { agent: Agent }) {
  return (
    <>
      {/* The link covers its whole row. */}
      <Link href={addressOf(agent.id)} className="font-medium after:absolute after:inset-0">
        {agent.name}
      </Link>
      <p className="mt-1 line-clamp-2 min-h-5 text-soft" title={agent.description ?? undefined}>
        {agent.description ?? "No description"}
      </p>
      <p className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1 text-small text-soft sm:hidden">
        <span className="text-ink">
          <AgentBadge status={agent.status} />
        </span>
        <span>
          Last seen <LastSeen agent={agent} />
        </span>
      </p>
    </>
  );
}

function LastSeen({ agent: { last_seen_at: at } }: { agent: Agent }) {
  return at ? (
    <span className={aboveLink}>
      <Time at={at} note="±1 min" past />
    </span>
  ) : (
    "Never"
  );
}
