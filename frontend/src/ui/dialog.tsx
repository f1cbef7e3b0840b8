import { Dialog as BaseDialog } from "@base-ui/react/dialog";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useOpenForm } from "./leave-guard";
import { focusOfRow } from "./row-menu";
import { dismissMessages } from "./toast";

/*
 * Closing has no transition: a secret must leave the document at once. Of what has the focus, nothing hides behind the footer,
 * which is 112 pixels high at most.
 */
export const backdrop =
  "fixed inset-0 z-20 bg-veil transition-opacity duration-100 data-starting-style:opacity-0";
export const popup =
  "fixed inset-x-4 top-1/2 z-20 mx-auto flex scroll-pb-28 max-h-[calc(100dvh-32px)] max-w-120 -translate-y-1/2 flex-col overflow-y-auto rounded-box border border-line bg-raised shadow-float transition-[opacity,scale] duration-100 data-starting-style:scale-98 data-starting-style:opacity-0";
export const titleClass = "px-5 pt-5 text-large font-semibold wrap-anywhere";

export interface DialogProps {
  /** Called on Escape. */
  onClose: () => void;
  /** Whether a request is under way. The dialog then stays open, to tell what becomes of it. */
  busy?: boolean;
  /** Whether a click outside also calls onClose. The default is no: a stray click would lose input. */
  asksOutside?: boolean;
  title: string;
  /** The id of the row concerned. After closing, it gets the focus if the previous element is gone. */
  row?: string;
  children: ReactNode;
}

/** A modal dialog. Mount it only while it is open, so that closing it forgets its state. */
export function Dialog({ onClose, busy = false, asksOutside = false, title, row, children }: DialogProps) {
  const finalFocus = useOpened(row);
  const content = useRef<HTMLDivElement>(null);
  return (
    <BaseDialog.Root
      open
      onOpenChange={(next) => !next && !busy && onClose()}
      disablePointerDismissal={!asksOutside}
    >
      <BaseDialog.Portal>
        <BaseDialog.Backdrop className={backdrop} />
        <BaseDialog.Popup
          ref={content}
          className={popup}
          // Fields come before links in the text. On a phone, a focused field opens the keyboard.
          initialFocus={(how) => {
            if (how === "touch") return true;
            const field = content.current?.querySelector<HTMLElement>("input:not([hidden]), textarea");
            // Base UI does not scroll, and the field may be behind the footer.
            field?.scrollIntoView({ block: "nearest" });
            return field ?? true;
          }}
          finalFocus={finalFocus}
        >
          <BaseDialog.Title className={titleClass}>{title}</BaseDialog.Title>
          {children}
        </BaseDialog.Popup>
      </BaseDialog.Portal>
    </BaseDialog.Root>
  );
}

export function DialogText({ children }: { children: ReactNode }) {
  return <BaseDialog.Description className="text-soft wrap-anywhere">{children}</BaseDialog.Description>;
}

export function DialogBody({ children }: { children: ReactNode }) {
  return <div className="grid gap-4 px-5 pt-1 pb-5">{children}</div>;
}

export function DialogFooter({ children }: { children: ReactNode }) {
  // Buttons that don't fit side by side wrap, the last one first.
  return (
    <div className="sticky bottom-0 mt-auto flex flex-wrap-reverse justify-end gap-2 border-t border-line bg-raised px-5 py-3 *:grow sm:*:grow-0">
      {children}
    </div>
  );
}

/** Finds the focus after the last dialog that was not opened from another one. */
let afterFirst: () => HTMLElement | null = () => null;

/** For every dialog and question: it counts as an open form. Returns where the focus goes after closing. */
export function useOpened(row: string | undefined) {
  useOpenForm(true);
  useEffect(dismissMessages, []);
  const [finalFocus] = useState(() => {
    const opener = document.activeElement as HTMLElement | null;
    // A dialog may take the place of the one that opened it, as the secret does after a form.
    const otherwise = opener?.closest("[role$=dialog]") ? afterFirst : focusOfRow(row);
    // It may be gone, or hidden since the window was narrower or wider. Browsers of before 2024 can't tell.
    const after = () =>
      opener?.matches("body :not(:disabled)") && opener.checkVisibility?.() !== false ? opener : otherwise();
    if (otherwise !== afterFirst) afterFirst = after;
    const { pathname } = window.location;
    function to() {
      const isInside = document.activeElement?.matches("body, [role$=dialog], [role$=dialog] *");
      // What follows the dialog has taken it, or another page will.
      if (!isInside || window.location.pathname !== pathname) return false;
      return after();
    }
    return { to };
  });
  return finalFocus.to;
}
