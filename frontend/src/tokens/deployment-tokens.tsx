import { KeyRound } from "lucide-react";
import { Button } from "../ui/button";
import { isolate } from "../ui/isolate";
import { type Creating, TokenList } from "./token-list";
import { useEnvironments } from "./tokens";

interface DeploymentTokensProps extends Creating {
  agent: { id: string; name: string };
  /** Whether the agent gets new tokens; retired ones don't. */
  open: boolean;
}

export function DeploymentTokens({ open, ...props }: DeploymentTokensProps) {
  // Loaded before the dialog opens: its first focus is an environment.
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
          ? `Create one to run ${isolate(name)} in an environment. The token carries the agent’s identity.`
          : `${isolate(name)} is retired. Reinstate it to create tokens for it.`,
        action: open && <Button onClick={() => props.onCreating(true)}>Create the first token</Button>,
      }}
    />
  );
}
