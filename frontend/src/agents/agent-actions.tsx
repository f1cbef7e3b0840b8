import { Archive, ArchiveRestore, Trash2 } from "lucide-react";
import { useState } from "react";
import { ApiError } from "../api";
import { Button } from "../ui/button";
import { count } from "../ui/count";
import { isolate } from "../ui/isolate";
import { Changing } from "../ui/read-only";
import { RowMenu } from "../ui/row-menu";
import { announce, announceFailed, announceFailure } from "../ui/toast";
import type { Agent } from "../wire";
import { AgentDialog, DeleteAgentDialog, RetireAgentDialog } from "./agent-dialogs";
import { useReinstateAgent } from "./agents";

/** The buttons and dialogs of an agent, the same on all its tabs. */
export function AgentActions({ agent }: { agent: Agent }) {
  const [open, setOpen] = useState<"edit" | "retire" | "delete">();
  const reinstate = useReinstateAgent(agent.id);
  const close = () => setOpen(undefined);
  const { update, retire, reinstate: canReinstate, delete: canDelete } = agent.available_actions;

  const takeBack = () =>
    reinstate.mutate(undefined, {
      onSuccess: ({ activated_api_token_count: tokens }) =>
        announce(`${isolate(agent.name)} reinstated. ${count(tokens, "token")} activated.`),
      onError: (error) => {
        if (error instanceof ApiError && error.code === "invalid_action")
          announceFailure("This agent was changed in the meantime. The page is up to date again.");
        else announceFailed(error, "The agent was not reinstated.");
      },
    });

  return (
    <>
      <Changing>{update && <Button onClick={() => setOpen("edit")}>Edit</Button>}</Changing>
      <RowMenu
        row={agent.id}
        name={agent.name}
        framed
        actions={[
          retire && { label: "Retire", icon: Archive, onChoose: () => setOpen("retire") },
          canReinstate && {
            label: "Reinstate",
            icon: ArchiveRestore,
            busy: reinstate.isPending,
            onChoose: takeBack,
          },
          canDelete && { label: "Delete", icon: Trash2, danger: true, onChoose: () => setOpen("delete") },
        ]}
      />
      <p role="status" className="sr-only">
        {reinstate.isPending && `Reinstating ${isolate(agent.name)}.`}
      </p>
      {open === "edit" && <AgentDialog agent={agent} onClose={close} />}
      {open === "retire" && <RetireAgentDialog agent={agent} onClose={close} />}
      {open === "delete" && <DeleteAgentDialog agent={agent} onClose={close} />}
    </>
  );
}
