import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "./button";

/** What became of the last copy: it reached the clipboard, or the person has to press the keys. */
type Copied = "idle" | "copied" | "by-hand";

/**
 * A copy button's state and what it does: `take` copies and resolves with whether that worked; if not, `select` marks
 * the text. "Copied" goes by itself, so that a second copy can be seen to work.
 */
export function useCopy(take: () => Promise<boolean>, select: () => unknown) {
  const [state, setState] = useState<Copied>("idle");
  useEffect(() => {
    if (state !== "copied") return;
    const timer = setTimeout(() => setState("idle"), 4_000);
    return () => clearTimeout(timer);
  }, [state]);
  async function copy() {
    const copied = await take();
    if (!copied) select();
    setState(copied ? "copied" : "by-hand");
    return copied;
  }
  return { state, setCopied: () => setState("copied"), copy };
}

export function CopyIcon({ state, plain = false }: { state: Copied; plain?: boolean }) {
  return state === "copied" ? (
    <Check aria-hidden className={`size-3.5 ${plain ? "" : "text-good"}`} />
  ) : (
    <Copy aria-hidden className="size-3.5" />
  );
}

interface CopyButtonProps {
  state: Copied;
  /** What it copies. */
  what: string;
  primary?: boolean;
  disabled?: boolean;
  onClick: () => void;
}

export function CopyButton({ state, what, primary = false, ...rest }: CopyButtonProps) {
  return (
    <Button
      {...rest}
      size="small"
      look={primary ? "primary" : "secondary"}
      aria-label={`Copy ${what}`}
      icon={<CopyIcon state={state} plain={primary} />}
    >
      {state === "copied" ? "Copied" : "Copy"}
    </Button>
  );
}

/** Says how the copy went. What is left to do is seen too, with the look of `className`. */
export function CopyStatus({ state, className = "" }: { state: Copied; className?: string }) {
  return (
    <span
      role="status"
      className={state === "by-hand" ? `block text-small text-warn ${className}` : "sr-only"}
    >
      {state === "copied" && "Copied"}
      {state === "by-hand" &&
        "The browser did not let us copy. The text is selected: press Ctrl+C, or ⌘C on a Mac."}
    </span>
  );
}
