import { useState } from "react";
import { useLocation } from "wouter";
import { messageOf } from "../api";
import { Bar } from "../ui/bar";
import { CheckField } from "../ui/check-field";
import { count } from "../ui/count";
import { Question } from "../ui/dialog";
import { Notice } from "../ui/notice";
import { announce } from "../ui/toast";
import type { Agent } from "../wire";
import { useDeleteAgent, useDeployments } from "./agents";

/** Asks before an agent is deleted. Its live tokens have to be given up first, or together with it. */
export function DeleteAgentDialog({ agent, onClose }: { agent: Agent; onClose: () => void }) {
  const [, navigate] = useLocation();
  const [agreed, setAgreed] = useState(false);
  const deployments = useDeployments(agent.id);
  const remove = useDeleteAgent(agent.id);
  const tokens = deployments.data?.reduce((sum, one) => sum + one.live_api_token_count, 0);
  const uncounted = deployments.error && !deployments.data;
  return (
    <Question
      title="Delete this agent?"
      row={agent.id}
      yes="Delete agent"
      busy={remove.isPending}
      failure={remove.error}
      unmet={tokens === undefined || (tokens > 0 && !agreed)}
      onYes={() =>
        remove.mutate(agreed, {
          onSuccess: () => {
            navigate("/agents", { replace: true });
            announce(`${agent.name} deleted.`);
          },
        })
      }
      onNo={onClose}
      conditions={
        uncounted ? (
          <Notice tone="bad">Its tokens could not be counted. {messageOf(deployments.error)}</Notice>
        ) : (
          tokens !== undefined &&
          tokens > 0 && (
            <CheckField
              label={`Revoke its ${count(tokens, "token")} and delete`}
              hint="Everything that uses them is refused at once. This can’t be undone."
              checked={agreed}
              onChange={setAgreed}
            />
          )
        )
      }
    >
      <p>
        <strong className="font-medium">{agent.name}</strong> is deleted permanently, with its versions and{" "}
        {deployments.data ? count(deployments.data.length, "deployment") : <Bar className="w-24" />}.
      </p>
      <p className="text-soft">
        {tokens === 0 ? "It has no active tokens." : "To stop it temporarily, retire it instead."}
      </p>
    </Question>
  );
}
