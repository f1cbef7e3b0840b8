import { useEffect, useRef, useState } from "react";
import { count } from "../ui/count";
import { Dialog } from "../ui/dialog";
import { announce } from "../ui/toast";
import { AskFace, ProgressFace } from "./bulk-faces";
import { useQuestion } from "./bulk-preview";
import { ReportFace } from "./bulk-report";
import { type BulkRun, idsOf } from "./bulk-run";
import { type BulkTask, setBulkTask } from "./bulk-task";
import { askTitle, reportTitle, runTitle } from "./bulk-wording";
import { useBulk } from "./use-bulk";

interface BulkDialogProps {
  task: BulkTask;
  onClose: () => void;
}

/** Activates exactly the tokens that a run suspended. */
function undoOf({ known, row }: BulkTask, { done }: BulkRun): BulkTask {
  return { move: "activate", target: { ids: done }, known, row, undoes: true };
}

/** Says what a bulk change would do, carries it out, and reports it. */
export default function BulkDialog({ task: asked, onClose }: BulkDialogProps) {
  const [task, setTask] = useState(asked);
  const { run, running, stopping, error, unsettled, begin, goOn, stop } = useBulk();
  const preview = useQuestion(task.move, task.target, run === undefined && !asked.undoes);
  const canUndo = run !== undefined && task.move === "suspend" && run.done.length > 0;

  function undo(undoing: BulkTask) {
    setTask(undoing);
    begin(undoing, "ids" in undoing.target ? undoing.target.ids.length : 0, ({ done, skipped }) => {
      if (skipped.length > 0) return;
      onClose();
      announce(`${count(done.length, "token")} activated again.`, "bulk");
    });
  }
  function close() {
    if (running) return stop();
    onClose();
    if (run) asked.onRun?.(idsOf(run), run.whole);
    if (canUndo) {
      const text = `${count(run.done.length, "token")} suspended.`;
      announce(text, "bulk", () => setBulkTask(undoOf(task, run)));
    }
  }

  const latest = useRef({ close, undo });
  const begun = useRef(false);
  useEffect(() => {
    latest.current = { close, undo };
  });
  useEffect(() => {
    if (asked.undoes && !begun.current) latest.current.undo(asked);
    begun.current = true;
    // While a change runs, Back stays on the page, and this is not called.
    const onBack = () => latest.current.close();
    window.addEventListener("popstate", onBack);
    return () => window.removeEventListener("popstate", onBack);
  }, [asked]);

  return (
    <Dialog
      onClose={close}
      title={
        !run
          ? askTitle(task, preview.data)
          : running
            ? runTitle(task, run)
            : reportTitle(task, run, error !== null, unsettled)
      }
      row={asked.row}
    >
      {!run ? (
        <AskFace
          task={task}
          preview={preview}
          onYes={(target, total, reason) => {
            const answered = { ...task, target, reason };
            setTask(answered);
            begin(answered, total);
          }}
          onNo={close}
        />
      ) : running ? (
        <ProgressFace run={run} stopping={stopping} onStop={stop} />
      ) : (
        <ReportFace
          task={task}
          run={run}
          error={error}
          unsettled={unsettled}
          onGoOn={() => goOn(task)}
          onUndo={canUndo ? () => undo(undoOf(task, run)) : undefined}
          onClose={close}
        />
      )}
    </Dialog>
  );
}
