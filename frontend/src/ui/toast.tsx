import { Toast } from "@base-ui/react/toast";
import { CircleAlert, CircleCheck, X } from "lucide-react";
import { IconButton } from "./button";

const manager = Toast.createToastManager();

/** Says that something worked. It replaces what was said before about the thing with the id `about`. */
export function announce(text: string, about?: string) {
  manager.add({ id: about, title: text, type: "success", priority: "low", timeout: 5_000 });
}

/** Says that something failed; stays longer and interrupts a screen reader. */
export function announceFailure(text: string, about?: string) {
  manager.add({ id: about, title: text, type: "failure", priority: "high", timeout: 10_000 });
}

/** Takes all messages away: a dialog that opens needs the place, and was asked for after they were said. */
export function dismissMessages() {
  manager.close();
}

/** Draws the messages, in a live region that is always there; once per page. */
export function Toaster() {
  return (
    <Toast.Provider toastManager={manager} limit={3}>
      <Toast.Portal>
        <Toast.Viewport className="fixed inset-x-4 bottom-4 z-40 flex flex-col gap-2 sm:left-auto sm:w-90">
          <Messages />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

/** Base UI makes each message a dialog. It asks nothing, so it is not one, and has no modality to tell. */
const notADialog = { role: "group", "aria-modal": undefined };

function Messages() {
  const { toasts } = Toast.useToastManager();
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
        <Toast.Close aria-hidden={undefined} render={<IconButton name="Dismiss" />}>
          <X aria-hidden className="size-4" />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}
