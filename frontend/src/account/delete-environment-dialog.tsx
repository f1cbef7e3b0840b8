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
            announce(`${name} is deleted.`);
          },
        })
      }
      onNo={onClose}
      conditions={
        named && (
          <CheckField
            label="Revoke them and delete"
            hint="The tokens are refused at once, for good. The deployments go away."
            checked={agreed}
            onChange={setAgreed}
          />
        )
      }
    >
      {named ? (
        <p>
          {count(deployments, "deployment")} and {count(tokens, "live API token")}{" "}
          {deployments + tokens === 1 ? "names" : "name"} <strong className="font-medium">{name}</strong>.
        </p>
      ) : (
        <p>
          No deployment and no live API token names <strong className="font-medium">{name}</strong>.
        </p>
      )}
      <p className="text-soft">Scripts and integrations that use its id will no longer find it.</p>
    </Question>
  );
}
