import { useLocation } from "wouter";
import { Bar } from "../ui/bar";
import { count } from "../ui/count";
import { differing } from "../ui/differing";
import { Field } from "../ui/field";
import { FormDialog, useForm } from "../ui/form";
import { isolate } from "../ui/isolate";
import { Failure } from "../ui/notice";
import { RequestQuestion } from "../ui/question";
import { announce } from "../ui/toast";
import type { Agent } from "../wire";
import { addressOf, useDeleteAgent, useDeployments, useRetireAgent, useSaveAgent } from "./agents";

interface DialogProps {
  agent: Agent;
  onClose: () => void;
}

const sent = ({ name, description }: Record<"name" | "description", string>) => ({
  name: name.trim(),
  description: description.trim() || null,
});

/** Registers an agent and opens its page, or edits one. */
export function AgentDialog({ agent, onClose }: { agent?: Agent; onClose: () => void }) {
  const [, navigate] = useLocation();
  const form = useForm({
    start: { name: agent?.name ?? "", description: agent?.description ?? "" },
    check: ({ name }) => ({ name: name.trim() ? null : "Enter a name." }),
    request: useSaveAgent(agent?.id),
    details: (values, began) => (agent ? differing(sent(values), sent(began)) : sent(values)),
    onDone: ({ details: { id, name } }) => {
      onClose();
      if (agent) return announce("Agent updated.");
      announce(`${isolate(name)} registered. Create its first deployment token here.`);
      navigate(addressOf(id));
    },
  });
  return (
    <FormDialog
      form={form}
      title={agent ? "Edit agent" : "Register agent"}
      text={
        agent
          ? "Its ID stays the same, and its tokens keep working."
          : "The agent gets an ID. Then create a token for each environment it runs in."
      }
      yes={agent ? "Save changes" : "Register agent"}
      onClose={onClose}
    >
      <Field label="Name" autoComplete="off" {...form.field("name")} />
      <Field label="Description" optional autoComplete="off" {...form.field("description")} />
    </FormDialog>
  );
}

/** Its button isn't red: reinstating undoes it. */
export function RetireAgentDialog({ agent, onClose }: DialogProps) {
  return (
    <RequestQuestion
      title="Retire this agent?"
      row={agent.id}
      yes="Retire agent"
      look="primary"
      request={useRetireAgent(agent.id)}
      done={({ suspended_api_token_count: tokens }) =>
        `${isolate(agent.name)} retired. ${count(tokens, "token")} suspended.`
      }
      onClose={onClose}
    >
      <p>
        All active deployment tokens of <strong className="font-medium">{agent.name}</strong> are suspended.
        They stop working at once.
      </p>
      <p className="text-soft">
        Reinstating the agent activates these tokens again. Until then it gets no new ones.
      </p>
    </RequestQuestion>
  );
}

export function DeleteAgentDialog({ agent, onClose }: DialogProps) {
  const [, navigate] = useLocation();
  const query = useDeployments(agent.id);
  const deployments = query.data;
  const tokens = deployments?.reduce((sum, one) => sum + one.live_api_token_count, 0) ?? 0;
  return (
    <RequestQuestion
      title="Delete this agent?"
      row={agent.id}
      yes="Delete agent"
      unmet={!deployments}
      request={useDeleteAgent(agent.id)}
      more={query.error && !deployments && <Failure of={query} lead="Its tokens could not be counted." />}
      tick={
        tokens > 0 && {
          label: `Revoke its ${count(tokens, "token")} and delete`,
          hint: `${tokens === 1 ? "It stops" : "They stop"} working at once. This can’t be undone.`,
          required: true,
        }
      }
      done={({ revoked_api_token_count: revoked }) =>
        `${isolate(agent.name)} deleted.${revoked > 0 ? ` ${count(revoked, "token")} revoked.` : ""}`
      }
      onClose={onClose}
      onDone={() => navigate("/agents", { replace: true })}
    >
      <p>
        <strong className="font-medium">{agent.name}</strong> is deleted permanently, with its versions and{" "}
        {deployments ? count(deployments.length, "deployment") : <Bar className="w-24" />}.
      </p>
      <p className="text-soft">
        {deployments && tokens === 0
          ? "It has no active tokens."
          : "To stop it temporarily, retire it instead."}
      </p>
    </RequestQuestion>
  );
}
