import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { One } from "../api";
import { useCreator } from "../once";
import { useLeaveGuard } from "../ui/leave-guard";
import type { TokenBulk, TokenBulkResult } from "../wire";
import { bulkPath } from "./bulk-preview";
import { advanced, type BulkRun, nextBatch, notBegun } from "./bulk-run";
import type { BulkTask } from "./bulk-task";
import { tokensKey } from "./tokens";

/**
 * Carries out bulk changes, batch by batch. Each batch has an idempotency key: after a lost answer, going on repeats the
 * answer and not the change.
 */
export function useBulk() {
  const client = useQueryClient();
  const batches = useCreator<One<TokenBulkResult>, TokenBulk>(bulkPath);
  const [run, setRun] = useState<BulkRun>();
  const [stopping, setStopping] = useState(false);
  const stopped = useRef(false);
  const { mutate, isPending, error } = useMutation({
    gcTime: 0,
    mutationFn: async ({ task, from }: { task: BulkTask; from: BulkRun }) => {
      stopped.current = false;
      let now = from;
      setRun(now);
      while (!now.whole && !stopped.current) {
        const { details } = await batches.send(nextBatch(task, now));
        now = advanced(task, now, details);
        setRun(now);
      }
      return now;
    },
    onSettled: () => {
      setStopping(false);
      void client.invalidateQueries({ queryKey: tokensKey });
    },
  });
  useLeaveGuard(isPending, () => {});
  return {
    /** undefined before the first `begin`. */
    run,
    running: isPending,
    stopping,
    error,
    /** Whether the last batch may have been carried out, although its answer was lost. */
    unsettled: error !== null && batches.unsettled !== undefined,
    /** `onWhole` is called if no error or stop ends it early. */
    begin: (task: BulkTask, total: number, onWhole?: (run: BulkRun) => void) =>
      mutate({ task, from: notBegun(total) }, { onSuccess: (end) => end.whole && onWhole?.(end) }),
    goOn: (task: BulkTask) => run && mutate({ task, from: run }),
    /** Ends the change after the batch that is under way. */
    stop: () => {
      stopped.current = true;
      setStopping(true);
    },
  };
}
