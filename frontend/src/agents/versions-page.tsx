import { GitCommitVertical } from "lucide-react";
import { Bars } from "../ui/bar";
import { CopyField } from "../ui/copy-field";
import { CopyValue } from "../ui/copy-value";
import { isolate } from "../ui/isolate";
import { List, timeColumn } from "../ui/list";
import { Time } from "../ui/time";
import type { Agent, AgentVersion } from "../wire";
import { AgentPage } from "./agent-page";
import { useDeployments, useVersions } from "./agents";

export default function VersionsPage({ id }: { id: string }) {
  return (
    <AgentPage id={id} tab="versions">
      {(agent) => <Versions agent={agent} />}
    </AgentPage>
  );
}

function Versions({ agent }: { agent: Agent }) {
  const deployments = useDeployments(agent.id);
  const environmentOf = new Map(deployments.data?.map((one) => [one.id, one.environment_name]));
  const placesOf = (version: AgentVersion) =>
    version.current_agent_deployment_refs.map((id) => environmentOf.get(id) ?? id).join(", ");
  return (
    <List
      name={`Versions of ${agent.name}`}
      list={useVersions(agent.id)}
      columns={[
        {
          head: "Version",
          skeleton: (
            <Bars lines={["w-24", "w-60 mt-1 h-5", "w-32 mt-1 h-4 sm:hidden", "w-28 mt-1 h-4 sm:hidden"]} />
          ),
          cell: (version) => <VersionCell version={version} places={placesOf(version)} />,
        },
        timeColumn("Registered", "w-36", "sm", "inserted_at"),
        {
          head: "Deployed to",
          width: "w-60",
          from: "sm",
          cell: (version) => placesOf(version) || <NotDeployed />,
        },
      ]}
      empty={{
        icon: GitCommitVertical,
        title: "No versions yet",
        text: `The SDK registers a version when ${isolate(agent.name)} starts. You can also do it from a terminal:`,
        action: (
          <div className="w-full max-w-120 text-left">
            <CopyField
              label="Register a version"
              what="command"
              value={`prefactor agent_versions create --agent_id ${agent.id} --external_identifier 1.0.0`}
              rows={2}
            />
          </div>
        ),
      }}
    />
  );
}

const NotDeployed = () => <span className="text-soft">Not deployed</span>;

function VersionCell({ version, places }: { version: AgentVersion; places: string }) {
  return (
    <>
      <p>
        <span className="font-medium">{version.external_identifier}</span>
        {version.external_identifier_repeats > 0 && (
          <span className="ml-2 text-small text-soft">repeat {version.external_identifier_repeats}</span>
        )}
        {version.name && <span className="ml-2 text-soft">{version.name}</span>}
      </p>
      <p className="mt-1 text-soft">
        <CopyValue what={`ID of version ${version.external_identifier}`} value={version.id} />
      </p>
      <p className="mt-1 text-small text-soft sm:hidden">
        Registered <Time at={version.inserted_at} />
      </p>
      <p className="mt-1 text-small sm:hidden">
        {places ? (
          <>
            <span className="text-soft">Deployed to </span>
            {places}
          </>
        ) : (
          <NotDeployed />
        )}
      </p>
    </>
  );
}
