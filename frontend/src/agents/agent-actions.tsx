import { Archive, ArchiveRestore, Trash2 } from "lucide-react";
import { useState } from "react";
import { ApiError, isSignedOut, messageOf } from "../api";
import { Button } from "../ui/button";
import { count } from "../ui/count";
import { focusOfRow, type RowAction, RowMenu } from "../ui/row-menu";
import { announce, announceFailure } from "../ui/toast";
import type { Agent } from "../wire";
import { useReinstateAgent } from "./agents";
import { DeleteAgentDialog } from "./delete-agent-dialog";
import { EditAgentDialog } from "./edit-agent-dialog";
import { RetireAgentDialog } from "./retire-agent-dialog";

/** What can be done with the agent as a whole, whatever tab is open. */
export function AgentActions({ agent }: { agent: Agent }) {
  const [open, setOpen] = useState<"edit" | "retire" | "delete">();
  const reinstate = useReinstateAgent(agent.id);
  const close = () => setOpen(undefined);
  const finalFocus = () => focusOfRow(agent.id, undefined);
  const { update, retire, reinstate: canReinstate, delete: canDelete } = agent.available_actions;

  const actions: RowAction[] = [
    ...(retire ? [{ label: "Retire", icon: Archive, onChoose: () => setOpen("retire") }] : []),
    ...(canReinstate
      ? [
          {
            label: "Reinstate",
            icon: ArchiveRestore,
            onChoose: () =>
              reinstate.mutate(undefined, {
                onSuccess: ({ activated_api_token_count: tokens }) =>
                  announce(`${agent.name} is reinstated. ${count(tokens, "token")} activated.`),
                onError: (error) => {
                  if (!isSignedOut(error)) announceFailure(changeFailure(error));
                },
              }),
          },
        ]
      : []),
    ...(canDelete
      ? [{ label: "Delete", icon: Trash2, danger: true, onChoose: () => setOpen("delete") }]
      : []),
  ];

  return (
    <>
      {update && <Button onClick={() => setOpen("edit")}>Edit</Button>}
      {actions.length > 0 && <RowMenu row={agent.id} name={agent.name} framed actions={actions} />}
      <EditAgentDialog open={open === "edit"} agent={agent} onClose={close} />
      <RetireAgentDialog open={open === "retire"} agent={agent} onClose={close} finalFocus={finalFocus} />
      <DeleteAgentDialog open={open === "delete"} agent={agent} onClose={close} finalFocus={finalFocus} />
    </>
  );
}

export function changeFailure(error: unknown): string {
  if (error instanceof ApiError && error.code === "invalid_action") {
    return "This agent was changed by someone else in the meantime. The page is up to date again.";
  }
  return `The agent was not changed. ${messageOf(error)}`;
}
