import { KeyRound } from "lucide-react";
import { useMemo, useState } from "react";
import { Button } from "../ui/button";
import { EmptyList } from "../ui/list-frame";
import { CreateDialog } from "./create-dialog";
import { DeploymentTokenForm } from "./deployment-token-form";
import type { Lifetimes } from "./expiry";
import { TokenList } from "./token-list";
import { useEnvironments } from "./tokens";

interface DeploymentTokensProps {
  agent: { id: string; name: string };
  /** Whether the agent gets new tokens now; a retired one does not. */
  open: boolean;
  publicUrl: string;
  lifetimes: Lifetimes;
  creating: boolean;
  onCreating: (creating: boolean) => void;
}

/** The deployment tokens of one agent over all environments, and the dialog that makes them. */
export function DeploymentTokens({
  agent,
  open,
  publicUrl,
  lifetimes,
  creating,
  onCreating,
}: DeploymentTokensProps) {
  // Known before the dialog opens, so that its first focus finds an environment to choose.
  useEnvironments();
  const [fresh, setFresh] = useState<string>();
  const filter = useMemo(() => ({ agentId: agent.id }), [agent.id]);
  return (
    <>
      <TokenList
        name={`Deployment tokens of ${agent.name}`}
        filter={filter}
        fresh={fresh}
        empty={
          <EmptyList
            icon={<KeyRound aria-hidden className="size-6" />}
            title="No deployment tokens yet"
            text={
              open
                ? `Create one to run ${agent.name} in an environment. The token carries the agent’s identity.`
                : `${agent.name} is retired. Reinstate it to create tokens for it.`
            }
            action={open && <Button onClick={() => onCreating(true)}>Create the first token</Button>}
          />
        }
      />
      {creating && (
        <CreateDialog
          onClose={(made) => {
            onCreating(false);
            setFresh(made);
          }}
          title="Create deployment token"
          publicUrl={publicUrl}
          form={(face) => <DeploymentTokenForm agent={agent} lifetimes={lifetimes} {...face} />}
        />
      )}
    </>
  );
}
