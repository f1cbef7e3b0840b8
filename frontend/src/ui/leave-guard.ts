import { useEffect, useRef, useSyncExternalStore } from "react";

interface Guard {
  /** The address that must not be left. */
  here: string;
  onAttempt: () => void;
  holds: boolean;
}

const guards = new Set<Guard>();
const listeners = new Set<() => void>();

function changed() {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/*
 * Going back has to be noticed before the router hears of it. Browsers call the listeners of the window in the order
 * in which they were added, so this one is added as soon as the code is loaded.
 */
window.addEventListener("popstate", (event) => {
  const [guard] = guards;
  if (!guard) return;
  event.stopImmediatePropagation();
  window.history.pushState(null, "", guard.here);
  guard.onAttempt();
});

/** Whether something on the page must not be lost now: nothing may then take the page away by itself. */
export function useHeld(): boolean {
  return useSyncExternalStore(subscribe, () => [...guards].some((guard) => guard.holds));
}

/** The open forms, each by its own key. */
const forms = new Set<object>();

/** Whether a form is open: signing in again must then not take away what was typed. */
export function useFormOpen(): boolean {
  return useSyncExternalStore(subscribe, () => forms.size > 0);
}

/** While active, the caller counts as an open form. */
export function useOpenForm(active: boolean) {
  useEffect(() => {
    if (!active) return;
    const form = {};
    forms.add(form);
    changed();
    return () => {
      forms.delete(form);
      changed();
    };
  }, [active]);
}

/**
 * While active, the page can't be left by mistake: reload and closing the tab are asked about by the browser,
 * and Back stays where it is and calls `onAttempt`, since one press of a mouse's side button is enough for it. `holds` is
 * whether the end of the session has to wait, too.
 */
export function useLeaveGuard(active: boolean, onAttempt: () => void, holds = true) {
  const attempt = useRef(onAttempt);
  useEffect(() => {
    attempt.current = onAttempt;
  });
  useEffect(() => {
    if (!active) return;
    const guard = { here: window.location.href, onAttempt: () => attempt.current(), holds };
    const onUnload = (event: BeforeUnloadEvent) => event.preventDefault();
    guards.add(guard);
    window.addEventListener("beforeunload", onUnload);
    changed();
    return () => {
      guards.delete(guard);
      window.removeEventListener("beforeunload", onUnload);
      changed();
    };
  }, [active, holds]);
}
