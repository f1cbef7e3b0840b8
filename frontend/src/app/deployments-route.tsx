import { useState } from "react";
import { AgentPage } from "../agents/agent-page";
import { DeploymentTokens } from "../tokens/deployment-tokens";
import { Button } from "../ui/button";
import type { RouteProps } from "./routes";

export default function DeploymentsRoute({
  publicUrl,
  lifetimes,
  agentId,
}: RouteProps & { agentId: string }) {
  const [creating, setCreating] = useState(false);
  return (
    <AgentPage
      id={agentId}
      tab="deployments"
      action={({ status }) => (
        <Button look="primary" disabled={status === "retired"} onClick={() => setCreating(true)}>
          Create deployment token
        </Button>
      )}
    >
      {(agent) => (
        <DeploymentTokens
          agent={agent}
          open={agent.status !== "retired"}
          publicUrl={publicUrl}
          lifetimes={lifetimes}
          creating={creating}
          onCreating={setCreating}
        />
      )}
    </AgentPage>
  );
}
