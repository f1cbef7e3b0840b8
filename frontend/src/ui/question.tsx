import { AlertDialog } from "@base-ui/react/alert-dialog";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Button } from "./button";
import { backdrop, DialogFooter, type DialogProps, popup, titleClass, useOpened } from "./dialog";
import { useFailureText, useWait } from "./failure-text";
import { Notice } from "./notice";
import { SendButton } from "./send-button";
import { useSendOnce } from "./send-once";
import { announce } from "./toast";

interface Wording extends Pick<DialogProps, "title" | "row" | "children"> {
  /** A box to tick. If it is required, it enables yes. */
  tick?: { label: string; hint: string; required?: boolean } | false;
  /** A field or notice above the buttons. */
  more?: ReactNode;
  /** Disables yes. */
  unmet?: boolean;
  /** A button for a milder action, before yes. */
  instead?: ReactNode;
  /** Red only for what is permanent. */
  look?: "danger" | "primary";
  /** The verb of the action. Without one, there is nothing left but to close the question. */
  yes?: string;
  no?: string;
}

interface QuestionProps extends Wording {
  busy?: boolean;
  /** Why the last yes failed. */
  failure?: string | null;
  /** Seconds until the next yes is allowed. */
  wait?: number;
  /** Gets whether the box is ticked. */
  onYes?: (ticked: boolean) => void;
  onNo: () => void;
}

/** Asks before an action that one click can't undo. */
export function Question({
  title,
  row,
  children,
  tick = false,
  more,
  failure = null,
  wait = 0,
  unmet = false,
  instead,
  look = "danger",
  yes,
  no = "Cancel",
  busy = false,
  onYes,
  onNo,
}: QuestionProps) {
  const finalFocus = useOpened(row);
  const [ticked, setTicked] = useState(false);
  const close = useRef<HTMLButtonElement>(null);
  // The focused button or field is gone.
  useEffect(() => {
    if (!yes) close.current?.focus();
  }, [yes]);
  const agreed = tick !== false && ticked;
  const waiting = tick !== false && tick.required === true && !ticked;
  return (
    <AlertDialog.Root open onOpenChange={(next) => !next && !busy && onNo()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={backdrop} forceRender />
        <AlertDialog.Popup className={popup} finalFocus={finalFocus}>
          <AlertDialog.Title className={titleClass}>{title}</AlertDialog.Title>
          <AlertDialog.Description render={<div />} className="grid gap-3 px-5 pt-1 pb-5 wrap-anywhere">
            {children}
          </AlertDialog.Description>
          {(failure !== null || more || tick) && (
            <div className="grid gap-3 px-5 pb-5">
              {failure !== null && <Notice tone="bad">{failure}</Notice>}
              {more}
              {tick && <Tick {...tick} checked={ticked} onChange={setTicked} />}
            </div>
          )}
          <DialogFooter>
            <AlertDialog.Close ref={close} render={<Button>{no}</Button>} />
            {instead}
            {yes && (
              <SendButton
                look={look}
                busy={busy}
                wait={wait}
                disabled={unmet || waiting}
                onClick={() => onYes?.(agreed)}
              >
                {yes}
              </SendButton>
            )}
          </DialogFooter>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

interface TickProps {
  label: string;
  hint: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

function Tick({ label, hint, checked, onChange }: TickProps) {
  const id = useId();
  return (
    <div className="flex gap-2.5 rounded-box border border-line-strong px-3 py-2.5 has-checked:border-accent-ink has-focus-visible:outline-2 has-focus-visible:outline-accent-ink">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5 size-4 shrink-0 accent-accent outline-none"
      />
      <div className="min-w-0 flex-1">
        <label htmlFor={id} className="block font-medium wrap-anywhere">
          {label}
        </label>
        <p id={`${id}-hint`} className="text-small text-soft">
          {hint}
        </p>
      </div>
    </div>
  );
}

interface RequestQuestionProps<A> extends Wording {
  /** Sent on yes, with whether the box is ticked. */
  request: {
    mutate: Parameters<typeof useSendOnce<boolean, A>>[0];
    isPending: boolean;
    error: Error | null;
  };
  /** The message to announce afterwards. */
  done: (answer: A) => string;
  onClose: () => void;
  /** Called after a success, once the question is closed. */
  onDone?: () => void;
}

/**
 * Asks, sends a request on yes, and announces what it did. A failure shows in the question, which is over once a lost answer
 * turns out to have been a success.
 */
export function RequestQuestion<A>({ request, done, onClose, onDone, ...wording }: RequestQuestionProps<A>) {
  const send = useSendOnce(request.mutate);
  function onYes(ticked: boolean) {
    send(ticked, (answer) => {
      onClose();
      announce(done(answer));
      onDone?.();
    });
  }
  const { isPending, error } = request;
  const { text, isOver } = useFailureText(error);
  const wait = useWait(error);
  if (isOver) {
    const onNo = () => {
      onClose();
      onDone?.();
    };
    return (
      <Question title="Already done" row={wording.row} no="Close" onNo={onNo}>
        <p role="alert">{text}</p>
      </Question>
    );
  }
  return <Question {...wording} busy={isPending} failure={text} wait={wait} onYes={onYes} onNo={onClose} />;
}
