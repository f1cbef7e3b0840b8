import { AlertDialog } from "@base-ui/react/alert-dialog";
import { Dialog as BaseDialog } from "@base-ui/react/dialog";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { messageOf } from "../api";
import { Button } from "./button";
import { useOpenForm } from "./leave-guard";
import { Notice } from "./notice";
import { focusOfRow } from "./row-menu";
import { dismissMessages } from "./toast";

/* No fade on the way out: what a dialog held has to be gone from the document once it is closed. */
const backdrop = "fixed inset-0 z-20 bg-veil transition-opacity duration-100 data-starting-style:opacity-0";
const popup =
  "fixed inset-x-4 top-1/2 z-20 mx-auto flex max-h-[calc(100dvh-32px)] max-w-120 -translate-y-1/2 flex-col overflow-y-auto rounded-box border border-line bg-raised shadow-float transition-[opacity,scale] duration-100 data-starting-style:scale-98 data-starting-style:opacity-0";

/* Dialogs are mounted only while they are open: the next one starts afresh, and nothing of this one stays. */

export interface DialogProps {
  /** Asked to close by Escape. */
  onClose: () => void;
  /** Whether a click outside asks to close too. Usually it does nothing: it would lose what was typed. */
  asksOutside?: boolean;
  title: string;
  /** The id of the row that it is about. The focus goes there afterwards, and else to what had it before. */
  row?: string;
  children: ReactNode;
}

export function Dialog({ onClose, asksOutside = false, title, row, children }: DialogProps) {
  useOpenForm(true);
  const finalFocus = useOpened(row);
  const content = useRef<HTMLDivElement>(null);
  return (
    <BaseDialog.Root
      open
      onOpenChange={(next) => {
        if (!next) onClose();
      }}
      disablePointerDismissal={!asksOutside}
    >
      <BaseDialog.Portal>
        <BaseDialog.Backdrop className={backdrop} />
        <BaseDialog.Popup
          ref={content}
          className={popup}
          // Fields come before links in the text. On a phone a field would open the keyboard.
          initialFocus={(how) =>
            (how !== "touch" &&
              content.current?.querySelector<HTMLElement>("input:not([hidden]), textarea")) ||
            true
          }
          finalFocus={finalFocus}
        >
          <BaseDialog.Title className="px-5 pt-5 text-large font-semibold wrap-anywhere">
            {title}
          </BaseDialog.Title>
          {children}
        </BaseDialog.Popup>
      </BaseDialog.Portal>
    </BaseDialog.Root>
  );
}

export function DialogText({ children }: { children: ReactNode }) {
  return <BaseDialog.Description className="text-soft">{children}</BaseDialog.Description>;
}

export function DialogBody({ children }: { children: ReactNode }) {
  return <div className="grid gap-4 px-5 pt-1 pb-5">{children}</div>;
}

export function DialogFooter({ children }: { children: ReactNode }) {
  // Buttons that do not fit beside each other take a line each; the last of them is then the first.
  return (
    <div className="sticky bottom-0 mt-auto flex flex-wrap-reverse justify-end gap-2 border-t border-line bg-raised px-5 py-3 *:grow sm:*:grow-0">
      {children}
    </div>
  );
}

/** Takes away the messages of before, and tells where the focus goes once the dialog is gone. */
function useOpened(row: string | undefined) {
  useEffect(dismissMessages, []);
  const [finalFocus] = useState(() => (row === undefined ? undefined : { to: focusOfRow(row) }));
  return finalFocus?.to;
}

interface QuestionProps extends Pick<DialogProps, "title" | "row" | "children"> {
  /** What has to be filled in or ticked before yes. */
  conditions?: ReactNode;
  /** Why the last yes did not work. */
  failure?: Error | null;
  /** Whether yes can't be chosen yet. */
  unmet?: boolean;
  /** Red only where something ends for good. */
  look?: "danger" | "primary";
  /** The verb of what happens on yes. */
  yes: string;
  no?: string;
  busy?: boolean;
  onYes: () => void;
  onNo: () => void;
}

/** Asks before something that is not taken back by a click. */
export function Question({
  title,
  row,
  children,
  conditions,
  failure,
  unmet = false,
  look = "danger",
  yes,
  no = "Cancel",
  busy = false,
  onYes,
  onNo,
}: QuestionProps) {
  const finalFocus = useOpened(row);
  return (
    <AlertDialog.Root
      open
      onOpenChange={(next) => {
        if (!next && !busy) onNo();
      }}
    >
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={backdrop} forceRender />
        <AlertDialog.Popup className={popup} finalFocus={finalFocus}>
          <AlertDialog.Title className="px-5 pt-5 text-large font-semibold wrap-anywhere">
            {title}
          </AlertDialog.Title>
          <AlertDialog.Description render={<div />} className="grid gap-3 px-5 pt-1 pb-5 wrap-anywhere">
            {children}
          </AlertDialog.Description>
          {(failure || conditions) && (
            <div className="grid gap-3 px-5 pb-5">
              {failure && <Notice tone="bad">{messageOf(failure)}</Notice>}
              {conditions}
            </div>
          )}
          <DialogFooter>
            <AlertDialog.Close render={<Button look="secondary">{no}</Button>} />
            <Button look={look} busy={busy} disabled={unmet} onClick={onYes}>
              {yes}
            </Button>
          </DialogFooter>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
