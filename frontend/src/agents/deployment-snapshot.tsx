import { messageOf } from "../api";
import { Bar } from "../ui/bar";
import { Notice } from "../ui/notice";
import { Time } from "../ui/time";
import type { AgentDeployment } from "../wire";
import { useDeployments } from "./agents";

const card = "min-w-0 rounded-box border border-line px-3 py-2.5";

/** Which version of the agent runs in each environment that has a deployment of it. */
export function DeploymentSnapshot({ agentId, retired }: { agentId: string; retired: boolean }) {
  const { data: deployments, error, refetch } = useDeployments(agentId);
  return (
    <section aria-label="Deployed in" aria-busy={!deployments && !error} className="mt-5">
      {error && (
        <div className={deployments ? "mb-3" : ""}>
          <Notice tone="bad" onRetry={() => void refetch()}>
            Its deployments could not be loaded. {messageOf(error)}
          </Notice>
        </div>
      )}
      {deployments ? <Cards deployments={deployments} retired={retired} /> : !error && <Placeholder />}
    </section>
  );
}

function Cards({ deployments, retired }: { deployments: AgentDeployment[]; retired: boolean }) {
  if (deployments.length === 0) {
    return (
      <p className={`${card} flex min-h-16.5 items-center text-soft`}>
        {retired
          ? "Not deployed in any environment."
          : "Not deployed in any environment yet. Creating a deployment token deploys it."}
      </p>
    );
  }
  return (
    <ul className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
      {deployments.map((deployment) => (
        <li key={deployment.id} className={card}>
          <p className="flex items-baseline justify-between gap-3">
            <span className="truncate font-medium" title={deployment.environment_name}>
              {deployment.environment_name}
            </span>
            {deployment.current_version_identifier ? (
              <span
                className="max-w-1/2 shrink-0 truncate font-mono text-small"
                title={deployment.current_version_identifier}
              >
                {deployment.current_version_identifier}
              </span>
            ) : (
              <span className="shrink-0 text-small text-soft">No version</span>
            )}
          </p>
          <p className="mt-1 text-small text-soft">
            Last updated <Time at={deployment.updated_at} />
          </p>
        </li>
      ))}
    </ul>
  );
}

function Placeholder() {
  return (
    <div aria-hidden className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
      <div className={card}>
        <Bar className="w-24" />
        <div className="mt-1 h-4 leading-4">
          <Bar className="w-36" />
        </div>
      </div>
    </div>
  );
}
