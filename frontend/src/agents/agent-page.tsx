import { ChevronLeft } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { ApiError, messageOf } from "../api";
import { Bar, TitleBar } from "../ui/bar";
import { CopyValue } from "../ui/copy-value";
import { Notice } from "../ui/notice";
import { PageHeader, TabLinks } from "../ui/page";
import { Time } from "../ui/time";
import { useTitle } from "../ui/title";
import type { Agent } from "../wire";
import { AgentActions } from "./agent-actions";
import { AgentBadge } from "./agent-badge";
import { useAgent } from "./agents";
import { DeploymentSnapshot } from "./deployment-snapshot";

interface AgentPageProps {
  id: string;
  tab: "deployments" | "versions";
  /** The tab's primary button, if it has one. */
  action?: (agent: Agent) => ReactNode;
  children: (agent: Agent) => ReactNode;
}

/** The frame of all pages about one agent: who it is, where it is deployed, and its tabs. */
export function AgentPage({ id, tab, action, children }: AgentPageProps) {
  const { data: agent, error, refetch } = useAgent(id);
  useTitle(agent ? `${agent.name} · ${tab === "versions" ? "Versions" : "Deployments"}` : "Agent");
  const base = `/agents/${encodeURIComponent(id)}`;
  const tabs = [
    { label: "Deployments", href: `${base}/deployments` },
    { label: "Versions", href: `${base}/versions` },
  ];
  if (error && (!agent || isMissing(error))) {
    return <MissingAgent error={error} onRetry={() => void refetch()} />;
  }
  return (
    <>
      <BackLink />
      <PageHeader
        title={agent?.name ?? <TitleBar />}
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
        <div className="mt-4">
          <Notice tone="warn">
            This agent is retired. It gets no new tokens, and its suspended tokens stay refused until you
            reinstate it.
          </Notice>
        </div>
      )}
      {error && (
        <div className="mt-4">
          <Notice tone="bad" onRetry={() => void refetch()}>
            {messageOf(error)} The data shown may be out of date.
          </Notice>
        </div>
      )}
      <DeploymentSnapshot agentId={id} retired={agent?.status === "retired"} />
      <TabLinks name="Agent" tabs={tabs} current={`${base}/${tab}`} />
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
        Last seen {agent.last_seen_at ? <Time at={agent.last_seen_at} note="±5 s" past /> : "Never"}
      </span>
      <span>
        Registered <Time at={agent.inserted_at} />
      </span>
      <span>
        Last updated <Time at={agent.updated_at} />
      </span>
      <span className="flex min-w-0 flex-wrap items-start gap-x-1 leading-5">
        Agent ID <CopyValue what="agent ID" value={agent.id} />
      </span>
    </>
  );
}

const isMissing = (error: Error) => error instanceof ApiError && error.status === 404;

function MissingAgent({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const missing = isMissing(error);
  return (
    <>
      <BackLink />
      <PageHeader title={missing ? "No such agent" : "Agent"} />
      <div className="mt-4">
        {missing ? (
          <p className="text-soft">This account has no agent with this id. It may have been deleted.</p>
        ) : (
          <Notice tone="bad" onRetry={onRetry}>
            {messageOf(error)}
          </Notice>
        )}
      </div>
    </>
  );
}

function BackLink() {
  return (
    <Link href="/agents" className="mb-2 inline-flex items-center gap-1 text-small text-soft hover:text-ink">
      <ChevronLeft aria-hidden className="size-3.5" />
      Agents
    </Link>
  );
}
