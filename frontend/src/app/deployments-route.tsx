import { useEffect, useState } from "react";
import { useSearchParams } from "wouter";
import { AgentPage } from "../agents/agent-page";
import { DeploymentTokens } from "../tokens/deployment-tokens";
import { Button } from "../ui/button";
import { Changing, useReadOnly } from "../ui/read-only";
import type { PageProps } from "./page-props";

export default function DeploymentsRoute({ publicUrl, lifetimes, id }: PageProps) {
  const [address, setAddress] = useSearchParams();
  const readOnly = useReadOnly();
  // A link may lead to the open dialog. Leaving it must not open it again.
  const [creating, setCreating] = useState(address.has("create") && !readOnly);
  useEffect(() => {
    if (!address.has("create")) return;
    setAddress(
      (before) => {
        const after = new URLSearchParams(before);
        after.delete("create");
        return after;
      },
      { replace: true },
    );
  }, [address, setAddress]);
  return (
    <AgentPage
      id={id}
      tab="deployments"
      action={({ status }) => (
        <Changing>
          <Button look="primary" disabled={status === "retired"} onClick={() => setCreating(true)}>
            Create deployment token
          </Button>
        </Changing>
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
