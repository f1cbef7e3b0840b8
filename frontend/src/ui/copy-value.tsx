import { Check, Copy } from "lucide-react";
import { useRef } from "react";
import { IconButton } from "./button";
import { copyText } from "./clipboard";
import { useCopied } from "./use-copied";

interface CopyValueProps {
  /** What the button says that it copies, such as "agent ID". */
  what: string;
  value: string;
  /** Whether it is a code, such as an id, rather than words. */
  mono?: boolean;
  href?: string;
}

/** A value that is read here and needed elsewhere. The button says "Copied" only when it was. */
export function CopyValue({ what, value, mono = true, href }: CopyValueProps) {
  const text = useRef<HTMLElement>(null);
  const [state, setState] = useCopied();

  async function copy() {
    const copied = await copyText(value);
    if (!copied && text.current) window.getSelection()?.selectAllChildren(text.current);
    setState(copied ? "copied" : "by-hand");
  }

  return (
    <span className="inline-block max-w-full min-w-0 align-top">
      <span className="flex items-start gap-x-1">
        <span ref={text} className={`min-w-0 wrap-anywhere ${mono ? "font-mono text-small/5" : ""}`}>
          {href ? (
            <a
              href={href}
              target="_blank"
              rel="noreferrer"
              className="text-accent-ink underline decoration-transparent underline-offset-3 hover:decoration-current"
            >
              {value}
            </a>
          ) : (
            value
          )}
        </span>
        <IconButton name={`Copy ${what}`} onClick={copy} small className="relative z-1">
          {state === "copied" ? (
            <Check aria-hidden className="size-3.5 text-good" />
          ) : (
            <Copy aria-hidden className="size-3.5" />
          )}
        </IconButton>
      </span>
      <span role="status" className={state === "by-hand" ? "block text-small text-warn" : "sr-only"}>
        {state === "copied" && "Copied"}
        {state === "by-hand" &&
          "The browser did not let us copy. It is selected: press Ctrl+C, or ⌘C on a Mac."}
      </span>
    </span>
  );
}
