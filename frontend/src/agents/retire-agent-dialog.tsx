import { count } from "../ui/count";
import { Question } from "../ui/dialog";
import { announce } from "../ui/toast";
import type { Agent } from "../wire";
import { useRetireAgent } from "./agents";

/** Asks before an agent is retired. It can be taken back, so nothing about it is red. */
export function RetireAgentDialog({ agent, onClose }: { agent: Agent; onClose: () => void }) {
  const retire = useRetireAgent(agent.id);
  return (
    <Question
      title="Retire this agent?"
      row={agent.id}
      yes="Retire agent"
      look="primary"
      busy={retire.isPending}
      failure={retire.error}
      onYes={() =>
        retire.mutate(undefined, {
          onSuccess: ({ suspended_api_token_count: tokens }) => {
            onClose();
            announce(`${agent.name} retired. ${count(tokens, "token")} suspended.`);
          },
        })
      }
      onNo={onClose}
    >
      <p>
        All active deployment tokens of <strong className="font-medium">{agent.name}</strong> are suspended.
        Everything that uses them is refused at once.
      </p>
      <p className="text-soft">
        Reinstating the agent activates these tokens again. Until then it gets no new ones.
      </p>
    </Question>
  );
}
