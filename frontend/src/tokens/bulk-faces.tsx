import { type FormEvent, useId, useState } from "react";
import { messageOf } from "../api";
import { Bar } from "../ui/bar";
import { Button } from "../ui/button";
import { count } from "../ui/count";
import { DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field } from "../ui/field";
import { Notice } from "../ui/notice";
import { Progress } from "../ui/progress";
import { type Counts, type Share, sharesOf, type useQuestion } from "./bulk-preview";
import { type BulkRun, handledBy } from "./bulk-run";
import type { BulkTarget, BulkTask } from "./bulk-task";
import { bulkTexts } from "./bulk-wording";
import { ReasonField, takesReason } from "./reason-field";

interface AskFaceProps {
  task: BulkTask;
  preview: ReturnType<typeof useQuestion>;
  /** Gets the tokens that the change covers, their number, and why. */
  onYes: (target: BulkTarget, total: number, reason: string) => void;
  onNo: () => void;
}

/** Says which tokens a change affects, and asks. To revoke several, one types their number. */
export function AskFace({ task: { move }, preview: { data, error, refetch }, onYes, onNo }: AskFaceProps) {
  const { verb, means } = bulkTexts[move];
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState("");
  const amount = data?.applicable ?? 0;
  const asksNumber = move === "revoke" && amount > 1;
  const unmet = amount === 0 || (asksNumber && typed.replace(/[\s,.]/g, "") !== String(amount));
  function submit(event: FormEvent) {
    event.preventDefault();
    if (data && !unmet) onYes(data.target, data.matched + data.missing, reason.trim());
  }
  return (
    <form onSubmit={submit} className="contents">
      <DialogBody>
        <DialogText>
          {data && amount === 0 ? `None of these tokens can be ${bulkTexts[move].ed}.` : means}
        </DialogText>
        {error ? (
          <Notice tone="bad" onRetry={() => void refetch()}>
            The tokens could not be counted. {messageOf(error)}
          </Notice>
        ) : (
          <Shares move={move} counts={data} />
        )}
        {asksNumber && (
          <Field
            label={`Type ${amount} to confirm`}
            value={typed}
            onChange={setTyped}
            inputMode="numeric"
            autoComplete="off"
            autoFocus
          />
        )}
        {takesReason(move) && <ReasonField value={reason} onChange={setReason} />}
      </DialogBody>
      <DialogFooter>
        <Button onClick={onNo}>Cancel</Button>
        <Button
          type="submit"
          look={move === "revoke" || move === "delete" ? "danger" : "primary"}
          disabled={unmet}
        >
          {amount > 0 ? `${verb} ${count(amount, "token")}` : verb}
        </Button>
      </DialogFooter>
    </form>
  );
}

function Shares({ move, counts }: { move: BulkTask["move"]; counts: Counts | undefined }) {
  const shares = counts && sharesOf(move, counts);
  return (
    <ul
      aria-label="What happens to the selected tokens"
      aria-busy={!shares}
      className="divide-y divide-line rounded-box border border-line"
    >
      {shares?.map((share) => (
        <ShareRow key={`${share.of} ${share.skipped}`} move={move} share={share} />
      )) ?? (
        <li className="px-3 py-2">
          <Bar className="w-40" />
        </li>
      )}
    </ul>
  );
}

function ShareRow({ move, share: { amount, of, skipped } }: { move: BulkTask["move"]; share: Share }) {
  return (
    <li className={`flex flex-wrap justify-between gap-x-4 px-3 py-2 ${skipped ? "text-soft" : ""}`}>
      <span>
        <span className={skipped ? "" : "font-medium"}>{amount.toLocaleString("en")}</span> {of}
      </span>
      <span>{skipped ? `skipped: ${skipped}` : `will be ${bulkTexts[move].ed}`}</span>
    </li>
  );
}

interface ProgressFaceProps {
  run: BulkRun;
  stopping: boolean;
  onStop: () => void;
}

export function ProgressFace({ run, stopping, onStop }: ProgressFaceProps) {
  const id = useId();
  const handled = handledBy(run);
  const percent = run.total > 0 ? Math.floor((100 * handled) / run.total) : 0;
  return (
    <>
      <DialogBody>
        <p id={id} className="text-soft">
          {handled.toLocaleString("en")} of {count(run.total, "token")}
        </p>
        <Progress labelledBy={id} percent={percent} />
      </DialogBody>
      <DialogFooter>
        <Button autoFocus busy={stopping} onClick={onStop}>
          Stop
        </Button>
      </DialogFooter>
    </>
  );
}
