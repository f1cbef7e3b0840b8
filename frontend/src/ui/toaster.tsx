import { Toast } from "@base-ui/react/toast";
import { CircleAlert, CircleCheck, X } from "lucide-react";
import { Button, IconButton } from "./button";

const manager = Toast.createToastManager<Pick<Message, "undo">>();

export interface Message {
  text: string;
  /** A message replaces the last one about the same, such as a row's id. */
  about: string | undefined;
  failed: boolean;
  undo?: () => void;
}

/** Failures stay longer and interrupt screen readers. */
export function show({ text, about, failed, undo }: Message) {
  manager.add({
    id: about,
    title: text,
    data: { undo },
    ...(failed
      ? { type: "failure", priority: "high", timeout: 10_000 }
      : { type: "success", priority: "low", timeout: undo ? 30_000 : 5_000 }),
  });
}

export function dismiss() {
  manager.close();
}

/** The live region of all messages. */
export function Board() {
  return (
    <Toast.Provider toastManager={manager} limit={3}>
      <Toast.Portal>
        <Toast.Viewport className="fixed inset-x-4 bottom-4 z-40 flex flex-col gap-2 sm:left-auto sm:w-90 [body:has([data-bulk])_&]:bottom-34 lg:[body:has([data-bulk])_&]:bottom-20">
          <Messages />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

/** Base UI gives each message the role of a dialog, but it asks nothing. */
const notADialog = { role: "group", "aria-modal": undefined };

function Messages() {
  const { toasts } = Toast.useToastManager<Pick<Message, "undo">>();
  return toasts.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      {...notADialog}
      className="rounded-box border border-line-strong bg-raised shadow-float transition-opacity duration-100 data-ending-style:opacity-0 data-limited:hidden data-starting-style:opacity-0"
    >
      <Toast.Content className="flex items-start gap-2.5 py-1.5 pr-1.5 pl-3">
        {toast.type === "failure" ? (
          <CircleAlert aria-hidden className="mt-2 size-4 shrink-0 text-bad-ink" />
        ) : (
          <CircleCheck aria-hidden className="mt-2 size-4 shrink-0 text-good" />
        )}
        <Toast.Title className="min-w-0 flex-1 py-1.5 wrap-anywhere" />
        {toast.data?.undo && (
          <Toast.Close aria-hidden={undefined} render={<Button />} onClick={toast.data.undo}>
            Undo
          </Toast.Close>
        )}
        <Toast.Close aria-hidden={undefined} render={<IconButton name="Dismiss" />}>
          <X aria-hidden className="size-4" />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}
