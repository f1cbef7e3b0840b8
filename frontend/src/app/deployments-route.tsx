import { useState } from "react";
import { AgentPage } from "../agents/agent-page";
import { DeploymentTokens } from "../tokens/deployment-tokens";
import { Button } from "../ui/button";
import type { PageProps } from "./page-props";

export default function DeploymentsRoute({ publicUrl, lifetimes, id }: PageProps) {
  const [creating, setCreating] = useState(false);
  return (
    <AgentPage
      id={id}
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
