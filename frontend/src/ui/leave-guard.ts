import { useEffect, useRef, useSyncExternalStore } from "react";

interface Guard {
  /** The address that must not be left. */
  here: string;
  onAttempt: () => void;
  holds: boolean;
}

const guards = new Set<Guard>();
/** One key per open form. */
const forms = new Set<object>();
const listeners = new Set<() => void>();

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** Adds to a set and returns what removes it again. Both notify the listeners. */
function enter<T>(set: Set<T>, one: T) {
  const changed = () => {
    for (const listener of listeners) listener();
  };
  set.add(one);
  changed();
  return () => {
    set.delete(one);
    changed();
  };
}

// Added when the code loads, to run before the router's listener.
window.addEventListener("popstate", (event) => {
  const [guard] = guards;
  if (!guard) return;
  event.stopImmediatePropagation();
  window.history.pushState(null, "", guard.here);
  guard.onAttempt();
});

/** Whether the page is about to load again without asking. */
let isReloading = false;

// Browsers may keep a whole page in memory and show it again at Back, with the secret in its open dialog.
window.addEventListener("pageshow", ({ persisted }) => {
  if (!persisted || forms.size === 0) return;
  isReloading = true;
  window.location.reload();
});

/** Whether a guard holds the page, so that the end of the session must wait. */
export function useHeld(): boolean {
  return useSyncExternalStore(subscribe, () => [...guards].some((guard) => guard.holds));
}

/** Whether a form is open, whose input signing in again must keep. */
export function useFormOpen(): boolean {
  return useSyncExternalStore(subscribe, () => forms.size > 0);
}

/** While active, the caller counts as an open form. */
export function useOpenForm(active: boolean) {
  useEffect(() => (active ? enter(forms, {}) : undefined), [active]);
}

/**
 * While active, the browser asks before a reload or close, and Back stays here and calls `onAttempt`. `holds` is whether
 * the end of the session waits too.
 */
export function useLeaveGuard(active: boolean, onAttempt: () => void, holds = true) {
  const attempt = useRef(onAttempt);
  useEffect(() => {
    attempt.current = onAttempt;
  });
  useEffect(() => {
    if (!active) return;
    const onUnload = (event: BeforeUnloadEvent) => {
      if (!isReloading) event.preventDefault();
    };
    window.addEventListener("beforeunload", onUnload);
    const leave = enter(guards, {
      here: window.location.href,
      onAttempt: () => attempt.current(),
      holds,
    });
    return () => {
      window.removeEventListener("beforeunload", onUnload);
      leave();
    };
  }, [active, holds]);
}
