import { useEffect, useRef, useSyncExternalStore } from "react";

let guards = 0;
const listeners = new Set<() => void>();

function count(change: 1 | -1) {
  guards += change;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** Whether something on the page must not be lost now: nothing may then take the page away by itself. */
export function useHeld(): boolean {
  return useSyncExternalStore(subscribe, () => guards > 0);
}

/**
 * While active, the page can't be left by mistake: reload and closing the tab are asked about by the browser,
 * and Back stays where it is and calls `onAttempt`, since one press of a mouse's side button is enough for it.
 */
export function useLeaveGuard(active: boolean, onAttempt: () => void) {
  const attempt = useRef(onAttempt);
  useEffect(() => {
    attempt.current = onAttempt;
  });
  useEffect(() => {
    if (!active) return;
    const here = window.location.href;
    const onUnload = (event: BeforeUnloadEvent) => event.preventDefault();
    const onBack = (event: PopStateEvent) => {
      // Before the router hears of it, the address is put back.
      event.stopImmediatePropagation();
      window.history.pushState(null, "", here);
      attempt.current();
    };
    window.addEventListener("beforeunload", onUnload);
    window.addEventListener("popstate", onBack, { capture: true });
    count(1);
    return () => {
      window.removeEventListener("beforeunload", onUnload);
      window.removeEventListener("popstate", onBack, { capture: true });
      count(-1);
    };
  }, [active]);
}
