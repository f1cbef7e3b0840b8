import { Check, Copy } from "lucide-react";
import { type RefObject, useEffect, useState } from "react";
import { Button } from "./button";
import { copyText } from "./clipboard";

/** The result of the last copy. "by-hand" means that it failed and the text is selected. */
type Copied = "idle" | "copied" | "by-hand";

/** Copies `text`, which `shown` displays. "copied" ends after 4 s, so that a second copy is visible too. */
export function useCopy(text: string, shown: RefObject<HTMLElement | null>) {
  const [state, setState] = useState<Copied>("idle");
  useEffect(() => {
    if (state !== "copied") return;
    const timer = setTimeout(() => setState("idle"), 4_000);
    return () => clearTimeout(timer);
  }, [state]);
  async function copy() {
    const element = shown.current;
    const field = element instanceof HTMLTextAreaElement ? element : null;
    const copied = await copyText(text, field);
    if (!copied && element && !field) window.getSelection()?.selectAllChildren(element);
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
  /** Names the copied text. */
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

/** Announces the result. A failure is also visible, with the classes in `className`. */
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
