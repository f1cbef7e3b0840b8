import { useState } from "react";
import { CheckField } from "../ui/check-field";
import { count } from "../ui/count";
import { Question } from "../ui/dialog";
import { announce } from "../ui/toast";
import type { Environment } from "../wire";
import { useDeleteEnvironment } from "./environments";

interface DeleteEnvironmentDialogProps {
  environment: Environment;
  onClose: () => void;
}

export function DeleteEnvironmentDialog({ environment, onClose }: DeleteEnvironmentDialogProps) {
  const [agreed, setAgreed] = useState(false);
  const remove = useDeleteEnvironment(environment.id);
  const { name, agent_deployment_count: deployments, live_api_token_count: tokens } = environment;
  const named = deployments + tokens > 0;
  return (
    <Question
      title="Delete this environment?"
      row={environment.id}
      yes="Delete environment"
      busy={remove.isPending}
      failure={remove.error}
      unmet={named && !agreed}
      onYes={() =>
        remove.mutate(named, {
          onSuccess: () => {
            onClose();
            announce(`${name} deleted.`);
          },
        })
      }
      onNo={onClose}
      conditions={
        named && (
          <CheckField
            label="Revoke them and delete"
            hint="The tokens stop working at once, and the deployments are deleted."
            checked={agreed}
            onChange={setAgreed}
          />
        )
      }
    >
      {named ? (
        <p>
          {count(deployments, "deployment")} and {count(tokens, "token")}{" "}
          {deployments + tokens === 1 ? "uses" : "use"} <strong className="font-medium">{name}</strong>.
        </p>
      ) : (
        <p>
          No deployments or tokens use <strong className="font-medium">{name}</strong>.
        </p>
      )}
      <p className="text-soft">Scripts and integrations that use its ID stop working.</p>
    </Question>
  );
}
