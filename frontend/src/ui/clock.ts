import { useSyncExternalStore } from "react";
import { serverNow } from "../servertime";

/** Milliseconds between two readings. */
const beat = 5_000;

let reading = serverNow();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick() {
  reading = serverNow();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  if (listeners.size === 0) {
    reading = serverNow();
    timer = setInterval(tick, beat);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(timer);
  };
}

/** The server's time in milliseconds. All callers share one timer, so a whole table changes at once. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => reading);
}
