import { useState } from "react";
import { messageOf } from "../api";
import { CheckField } from "../ui/check-field";
import { count } from "../ui/count";
import { Question } from "../ui/dialog";
import { useLast } from "../ui/last";
import { Notice } from "../ui/notice";
import { focusOfRow } from "../ui/row-menu";
import { announce } from "../ui/toast";
import type { Environment } from "../wire";
import { useDeleteEnvironment } from "./environments";

interface DeleteEnvironmentDialogProps {
  /** undefined while nothing is asked. */
  environment: Environment | undefined;
  /** Whose row gets the focus once this one's is gone. */
  neighbour: string | undefined;
  onClose: () => void;
}

export function DeleteEnvironmentDialog({ environment, ...rest }: DeleteEnvironmentDialogProps) {
  const last = useLast(environment && { environment, neighbour: rest.neighbour });
  return last ? (
    <OpenDialog
      key={last.environment.id}
      open={environment !== undefined}
      environment={last.environment}
      neighbour={last.neighbour}
      onClose={rest.onClose}
    />
  ) : null;
}

interface OpenDialogProps extends DeleteEnvironmentDialogProps {
  open: boolean;
  environment: Environment;
}

function OpenDialog({ open, environment, neighbour, onClose }: OpenDialogProps) {
  const [agreed, setAgreed] = useState(false);
  const remove = useDeleteEnvironment();
  const { name, agent_deployment_count: deployments, live_api_token_count: tokens } = environment;
  const named = deployments + tokens > 0;

  function close() {
    setAgreed(false);
    remove.reset();
    onClose();
  }

  return (
    <Question
      open={open}
      title="Delete this environment?"
      yes="Delete environment"
      busy={remove.isPending}
      unmet={named && !agreed}
      onYes={() =>
        remove.mutate(
          { id: environment.id, revoke: named },
          {
            onSuccess: () => {
              close();
              announce(`${name} is deleted.`);
            },
          },
        )
      }
      onNo={close}
      finalFocus={() => focusOfRow(environment.id, neighbour)}
      conditions={
        (named || remove.error) && (
          <>
            {remove.error && <Notice tone="bad">{messageOf(remove.error)}</Notice>}
            {named && (
              <CheckField
                label="Revoke them and delete"
                hint="The tokens are refused at once, for good. The deployments go away."
                checked={agreed}
                onChange={setAgreed}
              />
            )}
          </>
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
