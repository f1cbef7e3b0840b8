import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleMinus } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { callForOne, messageOf } from "../api";
import { Button } from "../ui/button";
import { count } from "../ui/count";
import { DialogBody, DialogFooter } from "../ui/dialog";
import { useWait } from "../ui/failure-text";
import { LongList } from "../ui/long-list";
import { Notice } from "../ui/notice";
import { SendButton } from "../ui/send-button";
import type { ApiToken } from "../wire";
import { type BulkRun, handledBy } from "./bulk-run";
import type { BulkTask } from "./bulk-task";
import { bulkTexts, reasonsText, reasonText, resultText } from "./bulk-wording";
import { scopeText, withEnd } from "./wording";

interface ReportFaceProps {
  task: BulkTask;
  run: BulkRun;
  /** What ended the change early. */
  error: Error | null;
  /** Whether the last batch may have been carried out. */
  unsettled: boolean;
  onGoOn: () => void;
  onUndo?: () => void;
  onClose: () => void;
}

/** What a change did to each token, and why not. */
export function ReportFace({ task, run, error, unsettled, onGoOn, onUndo, onClose }: ReportFaceProps) {
  const { verb, ed } = bulkTexts[task.move];
  const text = useRef<HTMLParagraphElement>(null);
  // The focused button is gone with the progress.
  useEffect(() => text.current?.focus(), []);
  const rows = useMemo(
    () => [
      ...run.skipped.map((one) => ({ id: one.id, why: reasonText(one) })),
      ...run.done.map((id) => ({ id, why: "" })),
    ],
    [run],
  );
  const rest = run.total - handledBy(run);
  const wait = useWait(error);
  return (
    <>
      <DialogBody>
        <p ref={text} tabIndex={-1} className="text-soft outline-none">
          {unsettled && `Known so far: ${resultText(task, run).toLowerCase()}. `}
          {run.skipped.length > 0
            ? `Skipped: ${reasonsText(run.skipped)}.`
            : run.whole
              ? "None was skipped."
              : !unsettled && `${count(rest, "token")} ${rest === 1 ? "is" : "are"} left.`}
        </p>
        {error && (
          <Notice tone="bad">
            {messageOf(error)}{" "}
            {unsettled &&
              "The last batch may have been carried out. Try again to find out; nothing is done twice."}
          </Notice>
        )}
        {rows.length > 0 && (
          <LongList label="Tokens" items={rows} keyOf={({ id }) => id}>
            {({ id, why }) => (
              <>
                {why ? (
                  <CircleMinus aria-hidden className="size-4 shrink-0 text-soft" />
                ) : (
                  <CircleCheck aria-hidden className="size-4 shrink-0 text-good" />
                )}
                <span className="min-w-0 flex-1">
                  <TokenName id={id} known={task.known.get(id)} gone={task.move === "delete" && !why} />
                  <span className="block truncate text-small text-soft" title={why}>
                    {why ? `Skipped: ${why}` : `${ed.charAt(0).toUpperCase()}${ed.slice(1)}`}
                  </span>
                </span>
              </>
            )}
          </LongList>
        )}
      </DialogBody>
      <DialogFooter>
        {onUndo && <Button onClick={onUndo}>Undo</Button>}
        {run.whole ? (
          <Button look="primary" onClick={onClose}>
            Done
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>Close</Button>
            <SendButton
              look={task.move === "revoke" || task.move === "delete" ? "danger" : "primary"}
              wait={wait}
              onClick={onGoOn}
            >
              {unsettled ? "Try again" : `${verb} the rest`}
            </SendButton>
          </>
        )}
      </DialogFooter>
    </>
  );
}

/** Milliseconds in sight after which a name is loaded. */
const settles = 150;

/** The name and last characters; the id if they are unknown. */
function TokenName({ id, known, gone }: { id: string; known: ApiToken | undefined; gone: boolean }) {
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(true), settles);
    return () => clearTimeout(timer);
  }, []);
  const { data } = useQuery({
    queryKey: ["token-names", id],
    queryFn: ({ signal }) => callForOne<ApiToken>("GET", `/api_token/${encodeURIComponent(id)}`, { signal }),
    enabled: settled && !known && !gone,
    refetchInterval: false,
    refetchOnWindowFocus: false,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const token = known ?? data;
  if (!token) return <span className="block truncate font-mono text-small leading-5">{id}</span>;
  const name = token.name ?? scopeText(token);
  return (
    <span className="flex gap-2" title={name}>
      <bdi className="truncate">{name}</bdi>
      <span className="shrink-0 font-mono text-small leading-5 text-soft">{withEnd("", token)}</span>
    </span>
  );
}
