import { GitCommitVertical } from "lucide-react";
import { messageOf } from "../api";
import { CopyField } from "../ui/copy-field";
import { CopyValue } from "../ui/copy-value";
import { Bar, EmptyList, ListFrame } from "../ui/list-frame";
import { pageSize, usePage } from "../ui/pager";
import { Time } from "../ui/time";
import type { Agent, AgentVersion } from "../wire";
import { useDeployments, useVersions } from "./agents";

/** The versions that were registered for an agent, and where each of them is deployed. */
export function Versions({ agent }: { agent: Agent }) {
  const [page, setPage] = usePage();
  const versions = useVersions(agent.id, page, pageSize);
  const deployments = useDeployments(agent.id);
  const environmentOf = new Map(deployments.data?.map((one) => [one.id, one.environment_name]));
  return (
    <ListFrame
      name={`Versions of ${agent.name}`}
      items={versions.data?.summaries}
      failure={versions.error ? messageOf(versions.error) : null}
      onRetry={() => void versions.refetch()}
      pages={{ pagination: versions.data?.pagination, page, onPage: setPage }}
      head={
        <tr>
          <th scope="col" className="px-4 py-2 font-medium">
            Version
          </th>
          <th scope="col" className="hidden w-36 px-4 py-2 font-medium sm:table-cell">
            Registered
          </th>
          <th scope="col" className="hidden w-60 px-4 py-2 font-medium sm:table-cell">
            Deployed to
          </th>
        </tr>
      }
      skeleton={<VersionSkeleton />}
      row={(version) => (
        <VersionRow
          key={version.id}
          version={version}
          environments={version.current_agent_deployment_refs.map((id) => environmentOf.get(id) ?? id)}
        />
      )}
      empty={
        <EmptyList
          icon={<GitCommitVertical aria-hidden className="size-6" />}
          title="No versions yet"
          text={`The SDK registers a version when ${agent.name} starts. You can also do it from a terminal:`}
          action={
            <div className="w-full max-w-120 text-left">
              <CopyField
                label="Register a version"
                what="command"
                value={`prefactor agent_versions create --agent_id ${agent.id} --external_identifier 1.0.0`}
                rows={2}
              />
            </div>
          }
        />
      }
    />
  );
}

function VersionRow({ version, environments }: { version: AgentVersion; environments: string[] }) {
  const deployed =
    environments.length > 0 ? environments.join(", ") : <span className="text-soft">Not deployed</span>;
  return (
    <tr>
      <td className="px-4 py-3 align-top">
        <p className="wrap-anywhere">
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
        <p className="mt-1 text-small wrap-anywhere sm:hidden">
          {environments.length > 0 && <span className="text-soft">Deployed to </span>}
          {deployed}
        </p>
      </td>
      <td className="hidden px-4 py-3 align-top text-soft sm:table-cell">
        <Time at={version.inserted_at} />
      </td>
      <td className="hidden px-4 py-3 align-top wrap-anywhere sm:table-cell">{deployed}</td>
    </tr>
  );
}

function VersionSkeleton() {
  return (
    <>
      <td className="px-4 py-3">
        <Bar className="w-24" />
        <div className="mt-1 h-5">
          <Bar className="w-60" />
        </div>
        <div className="mt-1 grid gap-1 sm:hidden">
          <span className="h-4 leading-4">
            <Bar className="w-32" />
          </span>
          <span className="h-4 leading-4">
            <Bar className="w-28" />
          </span>
        </div>
      </td>
      <td className="hidden px-4 py-3 align-top sm:table-cell">
        <Bar className="w-20" />
      </td>
      <td className="hidden px-4 py-3 align-top sm:table-cell">
        <Bar className="w-28" />
      </td>
    </>
  );
}
