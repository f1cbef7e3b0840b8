import { Check, Copy } from "lucide-react";
import { type Ref, useId, useImperativeHandle, useRef } from "react";
import { Button } from "./button";
import { copyFrom } from "./clipboard";
import { useCopied } from "./use-copied";

interface CopyFieldProps {
  label: string;
  /** What the button says that it copies, such as "token". */
  what: string;
  value: string;
  rows: number;
  /** The value reached the clipboard, by the button or by hand. */
  onCopied?: () => void;
  ref?: Ref<HTMLTextAreaElement>;
}

/** A value to take away: selects itself on focus, and says "Copied" only when it was. */
export function CopyField({ label, what, value, rows, onCopied, ref }: CopyFieldProps) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  useImperativeHandle(ref, () => field.current as HTMLTextAreaElement, []);
  const [state, setState] = useCopied();

  function succeed() {
    setState("copied");
    onCopied?.();
  }

  async function copy() {
    if (!field.current) return;
    if (await copyFrom(field.current)) {
      succeed();
      return;
    }
    field.current.focus();
    field.current.select();
    setState("by-hand");
  }

  return (
    <div className="grid gap-1.5">
      <div className="flex items-end justify-between">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        <Button
          size="small"
          onClick={copy}
          aria-label={`Copy ${what}`}
          icon={
            state === "copied" ? (
              <Check aria-hidden className="size-3.5 text-good" />
            ) : (
              <Copy aria-hidden className="size-3.5" />
            )
          }
        >
          {state === "copied" ? "Copied" : "Copy"}
        </Button>
      </div>
      {/* The frame is around the field, so that its last visible line is a whole one. */}
      <div className="rounded-box border border-line-strong bg-side px-2.5 py-2 has-focus-visible:outline-2 has-focus-visible:-outline-offset-1 has-focus-visible:outline-accent-ink">
        <textarea
          id={id}
          ref={field}
          readOnly
          rows={rows}
          value={value}
          spellCheck={false}
          autoComplete="off"
          onFocus={(event) => event.currentTarget.select()}
          onCopy={(event) => {
            const { selectionStart, selectionEnd } = event.currentTarget;
            if (selectionStart === 0 && selectionEnd === value.length) succeed();
          }}
          className="block w-full resize-none font-mono text-small break-all outline-none"
        />
      </div>
      <p role="status" className={state === "by-hand" ? "text-small text-warn" : "sr-only"}>
        {state === "copied" && "Copied"}
        {state === "by-hand" &&
          "The browser did not let us copy. The text is selected: press Ctrl+C, or ⌘C on a Mac."}
      </p>
    </div>
  );
}
