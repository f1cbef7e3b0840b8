import { AgentPage } from "../agents/agent-page";
import { Versions } from "../agents/versions";

export default function VersionsRoute({ agentId }: { agentId: string }) {
  return (
    <AgentPage id={agentId} tab="versions">
      {(agent) => <Versions agent={agent} />}
    </AgentPage>
  );
}
