import { CircleStop, Copy } from "lucide-react";
import { type ReactNode, Suspense, useState } from "react";
import { copyId } from "../ui/copy-id";
import { late } from "../ui/late";
import type { RowAction } from "../ui/row-menu";
import type { AgentInstance } from "../wire";
import { instanceTitle } from "./instances";

// Its code loads after the instance is shown.
const TerminateDialog = late(
  () => import("./terminate-dialog"),
  ({ onClose }) => onClose(),
);

interface InstanceActions {
  /** The entries of the instance's menu. */
  actionsOf: (instance: AgentInstance) => (RowAction | false)[];
  onTerminate: (instance: AgentInstance) => void;
  /** What the entries open. */
  dialogs: ReactNode;
}

/** What can be done with an instance, in its row and on its page. */
export function useInstanceActions(): InstanceActions {
  const [ending, setEnding] = useState<AgentInstance>();
  return {
    onTerminate: setEnding,
    actionsOf: (instance) => [
      instance.available_actions.terminate && {
        label: "Terminate",
        icon: CircleStop,
        danger: true,
        onChoose: () => setEnding(instance),
      },
      {
        label: "Copy ID",
        icon: Copy,
        apart: true,
        reads: true,
        onChoose: () => void copyId(instance.id, instanceTitle(instance)),
      },
    ],
    dialogs: (
      <Suspense fallback={null}>
        {ending && <TerminateDialog instance={ending} onClose={() => setEnding(undefined)} />}
      </Suspense>
    ),
  };
}
