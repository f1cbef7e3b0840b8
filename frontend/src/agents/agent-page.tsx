import type { ReactNode } from "react";
import { Absent, isMissing } from "../ui/absent";
import { Bar, TitleBar } from "../ui/bar";
import { CopyValue } from "../ui/copy-value";
import { Failure, Notice } from "../ui/notice";
import { BackLink, PageHeader, TabLinks } from "../ui/page";
import { Time, TimeFact } from "../ui/time";
import type { Agent } from "../wire";
import { ActivityChart } from "./activity-chart";
import { AgentActions } from "./agent-actions";
import { AgentBadge } from "./agent-badge";
import { addressOf, useAgent, useIsDeleting } from "./agents";
import { DeploymentSnapshot } from "./deployment-snapshot";

const tabs = { deployments: "Deployments", instances: "Instances", versions: "Versions" };

const back = <BackLink href="/agents">Agents</BackLink>;

interface AgentPageProps {
  id: string;
  tab: keyof typeof tabs;
  /** The tab's primary button. */
  action?: (agent: Agent) => ReactNode;
  children: (agent: Agent) => ReactNode;
}

/** The frame of an agent's pages. */
export function AgentPage({ id, tab, action, children }: AgentPageProps) {
  const query = useAgent(id);
  const { data: agent, error } = query;
  const tabTitle = agent ? `${agent.name} · ${tabs[tab]}` : "Agent";
  const isDeleting = useIsDeleting(id); // the dialog tells what became of it
  const missing = isMissing(error) && !isDeleting;
  if (error && (!agent || missing)) {
    return (
      <Absent
        back={back}
        title={missing ? "No such agent" : "Agent"}
        tabTitle={tabTitle}
        failed={!missing && query}
      >
        This account has no agent with this ID. It may have been deleted.
      </Absent>
    );
  }
  return (
    <>
      {back}
      <PageHeader
        title={agent?.name ?? <TitleBar />}
        tabTitle={tabTitle}
        action={
          agent ? (
            <>
              <AgentActions agent={agent} />
              {action?.(agent)}
            </>
          ) : (
            <span className="h-8 w-70 max-w-full pointer-coarse:h-10" />
          )
        }
      >
        <p className="mt-1 min-h-5 text-soft wrap-anywhere">
          {agent ? (agent.description ?? "No description") : <Bar className="w-72" />}
        </p>
      </PageHeader>
      <div className="mt-3 flex min-h-5 flex-wrap items-center gap-x-4 gap-y-1.5 text-small text-soft">
        {agent ? <AgentFacts agent={agent} /> : <Bar className="w-80" />}
      </div>
      {agent?.status === "retired" && (
        <Notice tone="warn" className="mt-4">
          This agent is retired. It gets no new tokens, and its suspended tokens stay refused until you
          reinstate it.
        </Notice>
      )}
      {!isDeleting && <Failure of={query} className="mt-4" />}
      <DeploymentSnapshot agentId={id} retired={agent?.status === "retired"} />
      <ActivityChart agentId={id} />
      <TabLinks
        name="Agent"
        tabs={Object.entries(tabs).map(([name, label]) => ({ label, href: addressOf(id, name) }))}
        current={addressOf(id, tab)}
      />
      {agent && children(agent)}
    </>
  );
}

function AgentFacts({ agent }: { agent: Agent }) {
  return (
    <>
      <span className="text-ink">
        <AgentBadge status={agent.status} />
      </span>
      <span>
        Last seen {agent.last_seen_at ? <Time at={agent.last_seen_at} note="±1 min" past /> : "Never"}
      </span>
      <TimeFact said="Registered" at={agent.inserted_at} />
      <TimeFact said="Last updated" at={agent.updated_at} />
      <span className="flex min-w-0 flex-wrap items-start gap-x-1 leading-5">
        Agent ID <CopyValue what="agent ID" value={agent.id} />
      </span>
    </>
  );
}
