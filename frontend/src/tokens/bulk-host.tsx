import { Suspense, useEffect } from "react";
import { late } from "../ui/late";
import { setBulkTask, useBulkTask } from "./bulk-task";

const close = () => setBulkTask(undefined);

// Its code loads after the list is shown.
const BulkDialog = late(() => import("./bulk-dialog"), close);

/** The dialog of a bulk change, on any page. */
export function BulkHost() {
  const task = useBulkTask();
  useEffect(() => close, []);
  return <Suspense fallback={null}>{task && <BulkDialog task={task} onClose={close} />}</Suspense>;
}
