import { useEffect, useSyncExternalStore } from "react";
import { type Claim, failedText, isSignedOut } from "../api";
import type { Message } from "./toaster";

let toaster: typeof import("./toaster") | undefined;
/** Messages until the toaster is there. */
const waiting: Message[] = [];
let version = 0;
const listeners = new Set<() => void>();

function changed() {
  version++;
  for (const listener of listeners) listener();
}

/**
 * Announces a success. It replaces the last message with the same `about`, such as a row's id. With an `undo`, it stays
 * longer and has a button for it.
 */
export function announce(text: string, about?: string, undo?: () => void) {
  say({ text, about, failed: false, undo });
}

/** Announces a failure. It stays longer and interrupts screen readers. */
export function announceFailure(text: string, about?: string) {
  say({ text, about, failed: true });
}

/** Announces that a change failed, unless it failed because the session ended. */
export function announceFailed(error: unknown, claim: Claim, about?: string) {
  if (!isSignedOut(error)) announceFailure(failedText(error, claim), about);
}

function say(message: Message) {
  waiting.push(message);
  changed();
  loadToaster().catch(() => {});
}

/** Dismisses all messages. */
export function dismissMessages() {
  waiting.length = 0;
  toaster?.dismiss();
  changed();
}

/** Loads the code that shows messages. The first message does so too, and so does each one after a failure. */
export async function loadToaster() {
  if (toaster) return;
  toaster = await import("./toaster");
  changed();
}

/** All messages; once per page. */
export function Toaster() {
  const now = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => version,
  );
  useEffect(() => {
    // The live region is there before its text.
    if (now && toaster) for (const message of waiting.splice(0)) toaster.show(message);
  }, [now]);
  if (toaster) return <toaster.Board />;
  // Until the toaster is loaded, or if that fails, it shows plain text.
  return (
    <p role="status" className="fixed inset-x-4 bottom-4 z-40 bg-raised wrap-anywhere">
      {waiting.at(-1)?.text}
    </p>
  );
}
