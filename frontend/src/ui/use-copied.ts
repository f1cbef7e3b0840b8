import { useEffect, useState } from "react";

/** What became of the last copy: it reached the clipboard, or the person has to press the keys. */
export type Copied = "idle" | "copied" | "by-hand";

/** The state of a copy button. "Copied" goes by itself, so that a second copy can be seen to work. */
export function useCopied() {
  const [state, setState] = useState<Copied>("idle");
  useEffect(() => {
    if (state !== "copied") return;
    const timer = setTimeout(() => setState("idle"), 4_000);
    return () => clearTimeout(timer);
  }, [state]);
  return [state, setState] as const;
}
