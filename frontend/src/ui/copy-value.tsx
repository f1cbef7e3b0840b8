import { useRef } from "react";
import { IconButton } from "./button";
import { CopyIcon, CopyStatus, useCopy } from "./use-copy";

interface CopyValueProps {
  /** Names the value in the button, such as "agent ID". */
  what: string;
  value: string;
  mono?: boolean;
  href?: string;
}

/** A value with a button to copy it. */
export function CopyValue({ what, value, mono = true, href }: CopyValueProps) {
  const text = useRef<HTMLElement>(null);
  const { state, copy } = useCopy(value, text);
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
          <CopyIcon state={state} />
        </IconButton>
      </span>
      <CopyStatus state={state} />
    </span>
  );
}
