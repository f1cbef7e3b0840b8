import {
  type Ref,
  type RefObject,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { copyFrom } from "./clipboard";
import { CopyButton, CopyStatus, useCopy } from "./use-copy";

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
  const { state, setCopied, copy } = useCopy(
    async () => field.current !== null && copyFrom(field.current),
    () => {
      field.current?.focus();
      field.current?.select();
    },
  );
  const cut = useFit(field, rows === "all");
  return (
    <div className="grid gap-1.5">
      <div className="flex items-end justify-between">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        <CopyButton
          state={state}
          what={what}
          primary={primary}
          onClick={async () => {
            if (await copy()) onCopied?.();
          }}
        />
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
            if (selectionStart === 0 && selectionEnd === value.length) {
              setCopied();
              onCopied?.();
            }
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
      <CopyStatus state={state} />
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
