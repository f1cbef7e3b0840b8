import { ChevronLeft } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { ApiError, messageOf } from "../api";
import { Button } from "../ui/button";
import { Bar } from "../ui/list-frame";
import { Notice } from "../ui/notice";
import { PageHeader, TabLinks } from "../ui/page";
import { Time } from "../ui/time";
import { useTitle } from "../ui/title";
import type { Agent } from "../wire";
import { AgentBadge } from "./agent-badge";
import { useAgent } from "./agents";

interface AgentPageProps {
  id: string;
  tab: "deployments";
  action: (agent: Agent) => ReactNode;
  children: (agent: Agent) => ReactNode;
}

/** The frame of all pages about one agent: who it is, and its tabs. */
export function AgentPage({ id, tab, action, children }: AgentPageProps) {
  const { data: agent, error, refetch } = useAgent(id);
  useTitle(agent?.name ?? "Agent");
  const base = `/agents/${encodeURIComponent(id)}`;
  const tabs = [{ label: "Deployments", href: `${base}/deployments` }];
  if (!agent && error) return <MissingAgent error={error} onRetry={() => void refetch()} />;
  return (
    <>
      <BackLink />
      <PageHeader title={agent?.name ?? <Bar className="h-4 w-48" />} action={agent && action(agent)}>
        <p className="mt-1 min-h-5 text-soft wrap-anywhere">
          {agent ? (agent.description ?? "No description") : <Bar className="w-72" />}
        </p>
        <div className="mt-3 flex min-h-5 flex-wrap items-center gap-x-4 gap-y-1.5 text-small text-soft">
          {agent ? <AgentFacts agent={agent} /> : <Bar className="w-80" />}
        </div>
      </PageHeader>
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
        Registered <Time at={agent.inserted_at} />
      </span>
      <span>
        Last updated <Time at={agent.updated_at} />
      </span>
      <span className="min-w-0 wrap-anywhere">
        Agent ID <code className="font-mono select-all">{agent.id}</code>
      </span>
    </>
  );
}

function MissingAgent({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const missing = error instanceof ApiError && error.status === 404;
  return (
    <>
      <BackLink />
      <PageHeader title={missing ? "No such agent" : "Agent"} />
      <div className="mt-4">
        {missing ? (
          <p className="text-soft">This account has no agent with this id. It may have been deleted.</p>
        ) : (
          <Notice
            tone="bad"
            action={
              <Button className="-my-1" onClick={onRetry}>
                Try again
              </Button>
            }
          >
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
