import { Bars } from "../ui/bar";
import { Failure } from "../ui/notice";
import { Time } from "../ui/time";
import type { AgentDeployment } from "../wire";
import { useDeployments } from "./agents";

const grid = "grid gap-3 sm:grid-cols-2 lg:grid-cols-3";
const card = "min-w-0 rounded-box border border-line px-3 py-2.5";

/** The agent's deployments and their versions. */
export function DeploymentSnapshot({ agentId, retired }: { agentId: string; retired: boolean }) {
  const query = useDeployments(agentId);
  const { data: deployments, error } = query;
  return (
    <section aria-label="Deployed in" aria-busy={!deployments && !error} className="mt-5">
      <Failure of={query} lead="Its deployments could not be loaded." className={deployments ? "mb-3" : ""} />
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
    <ul className={grid}>
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

const Placeholder = () => (
  <div aria-hidden className={grid}>
    <div className={card}>
      <Bars lines={["w-24", "w-36 mt-1 h-4"]} />
    </div>
  </div>
);
