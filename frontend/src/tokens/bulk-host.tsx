import { type ComponentType, lazy, Suspense, useEffect } from "react";
import { announceFailure } from "../ui/toast";
import { type BulkTask, setBulkTask, useBulkTask } from "./bulk-task";

const close = () => setBulkTask(undefined);

// Its code loads after the list is shown.
const BulkDialog = lazy<ComponentType<{ task: BulkTask; onClose: () => void }>>(() =>
  import("./bulk-dialog").catch(() => ({ default: NotLoaded })),
);

/** The dialog of a bulk change, on any page. */
export function BulkHost() {
  const task = useBulkTask();
  useEffect(() => close, []);
  return <Suspense fallback={null}>{task && <BulkDialog task={task} onClose={close} />}</Suspense>;
}

function NotLoaded() {
  useEffect(() => {
    announceFailure("The dialog could not be loaded. Reload the page to try again.");
    close();
  }, []);
  return null;
}
