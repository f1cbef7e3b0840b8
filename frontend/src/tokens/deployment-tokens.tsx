import { KeyRound } from "lucide-react";
import { Button } from "../ui/button";
import { type Creating, TokenList } from "./token-list";
import { useEnvironments } from "./tokens";

interface DeploymentTokensProps extends Creating {
  agent: { id: string; name: string };
  /** Whether the agent gets new tokens now; a retired one does not. */
  open: boolean;
}

/** The deployment tokens of one agent over all environments, and the dialog that makes them. */
export function DeploymentTokens({ open, ...props }: DeploymentTokensProps) {
  // Known before the dialog opens, so that its first focus finds an environment to choose.
  useEnvironments();
  const { name } = props.agent;
  return (
    <TokenList
      name={`Deployment tokens of ${name}`}
      {...props}
      empty={{
        icon: KeyRound,
        title: "No deployment tokens yet",
        text: open
          ? `Create one to run ${name} in an environment. The token carries the agent’s identity.`
          : `${name} is retired. Reinstate it to create tokens for it.`,
        action: open && <Button onClick={() => props.onCreating(true)}>Create the first token</Button>,
      }}
    />
  );
}
