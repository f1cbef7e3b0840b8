import { Check, Copy } from "lucide-react";
import {
  type Ref,
  type RefObject,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { Button } from "./button";
import { copyFrom } from "./clipboard";
import { useCopied } from "./use-copied";

interface CopyFieldProps {
  label: string;
  /** What the button says that it copies, such as "token". */
  what: string;
  value: string;
  /** Lines in sight. A longer value is cut with a hint; "all" grows with it. */
  rows: number | "all";
  /** Whether copying is what to do now. */
  primary?: boolean;
  /** The value reached the clipboard, by the button or by hand. */
  onCopied?: () => void;
  ref?: Ref<HTMLTextAreaElement>;
}

/** A value to take away: selects itself on focus, and says "Copied" only when it was. */
export function CopyField({ label, what, value, rows, primary = false, onCopied, ref }: CopyFieldProps) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  useImperativeHandle(ref, () => field.current as HTMLTextAreaElement, []);
  const [state, setState] = useCopied();
  const cut = useFit(field, rows === "all");

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
          look={primary ? "primary" : "secondary"}
          onClick={copy}
          aria-label={`Copy ${what}`}
          icon={
            state === "copied" ? (
              <Check aria-hidden className={`size-3.5 ${primary ? "" : "text-good"}`} />
            ) : (
              <Copy aria-hidden className="size-3.5" />
            )
          }
        >
          {state === "copied" ? "Copied" : "Copy"}
        </Button>
      </div>
      {/* The frame is around the field, so that its last visible line is a whole one. */}
      <div className="rounded-box border border-line-strong bg-side px-2.5 py-2 has-focus-visible:outline-2 has-focus-visible:-outline-offset-1 has-focus-visible:outline-accent-ink relative">
        <textarea
          id={id}
          ref={field}
          readOnly
          rows={rows === "all" ? 1 : rows}
          aria-describedby={cut ? `${id}-cut` : undefined}
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
        {cut && (
          <div
            aria-hidden
            className="pointer-events-none absolute inset-x-px bottom-px h-8 rounded-box bg-linear-to-t from-side to-transparent"
          />
        )}
      </div>
      {cut && (
        <p id={`${id}-cut`} className="text-small text-soft">
          Only the beginning is shown. Copy takes all {value.length} characters.
        </p>
      )}
      <p role="status" className={state === "by-hand" ? "text-small text-warn" : "sr-only"}>
        {state === "copied" && "Copied"}
        {state === "by-hand" &&
          "The browser did not let us copy. The text is selected: press Ctrl+C, or ⌘C on a Mac."}
      </p>
    </div>
  );
}

/** Grows the field to its whole value, or tells whether it shows only a part. Both depend on how wide it is. */
function useFit(field: RefObject<HTMLTextAreaElement | null>, grow: boolean): boolean {
  const [cut, setCut] = useState(false);
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    function fit() {
      if (!element) return;
      if (grow) {
        element.style.height = "auto";
        if (element.scrollHeight > 0) element.style.height = `${element.scrollHeight}px`;
      } else setCut(element.scrollHeight > element.clientHeight + 1);
    }
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(element);
    return () => observer.disconnect();
  }, [field, grow]);
  return cut;
}
