import { messageOf } from "../api";
import { count } from "../ui/count";
import { Question } from "../ui/dialog";
import { Notice } from "../ui/notice";
import { announce } from "../ui/toast";
import type { Agent } from "../wire";
import { useRetireAgent } from "./agents";

interface RetireAgentDialogProps {
  open: boolean;
  agent: Agent;
  onClose: () => void;
  finalFocus: () => HTMLElement | null;
}

/** Asks before an agent is retired. It can be taken back, so nothing about it is red. */
export function RetireAgentDialog({ open, agent, onClose, finalFocus }: RetireAgentDialogProps) {
  const retire = useRetireAgent(agent.id);
  function close() {
    retire.reset();
    onClose();
  }
  return (
    <Question
      open={open}
      title="Retire this agent?"
      yes="Retire agent"
      look="primary"
      busy={retire.isPending}
      onYes={() =>
        retire.mutate(undefined, {
          onSuccess: ({ suspended_api_token_count: tokens }) => {
            close();
            announce(`${agent.name} is retired. ${count(tokens, "token")} suspended.`);
          },
        })
      }
      onNo={close}
      finalFocus={finalFocus}
      conditions={retire.error && <Notice tone="bad">{messageOf(retire.error)}</Notice>}
    >
      <p>
        All active deployment tokens of <strong className="font-medium">{agent.name}</strong> are suspended,
        and everything that uses one is refused at once.
      </p>
      <p className="text-soft">
        Reinstating the agent later activates just these tokens again. Until then it gets no new ones.
      </p>
    </Question>
  );
}
