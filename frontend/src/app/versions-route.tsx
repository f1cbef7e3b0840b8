import { AgentPage } from "../agents/agent-page";
import { Versions } from "../agents/versions";
import type { PageProps } from "./page-props";

export default function VersionsRoute({ id }: PageProps) {
  return (
    <AgentPage id={id} tab="versions">
      {(agent) => <Versions agent={agent} />}
    </AgentPage>
  );
}
