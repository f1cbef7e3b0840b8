import { useState } from "react";
import { serverNow } from "../servertime";

const day = 86_400_000;

/** Whether something was dismissed in this browser within the last day, and a function that dismisses it. */
export function useDismissed(what: string): [dismissed: boolean, dismiss: () => void] {
  const key = `tokentab.dismissed.${what}`;
  const [at, setAt] = useState(() => read(key));
  const age = serverNow() - at;
  return [
    age >= 0 && age < day,
    () => {
      setAt(serverNow());
      try {
        localStorage.setItem(key, String(serverNow()));
      } catch {
        // Without storage it lasts until the next load.
      }
    },
  ];
}

function read(key: string): number {
  try {
    return Number(localStorage.getItem(key) ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
}
