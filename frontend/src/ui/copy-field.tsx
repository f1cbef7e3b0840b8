import {
  type Ref,
  type RefObject,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { CopyButton, CopyStatus, useCopy } from "./use-copy";

interface CopyFieldProps {
  label: string;
  /** Names the value in the button, such as "token". */
  what: string;
  value: string;
  /** The visible lines; a longer value is cut with a hint. "all" shows the whole value. */
  rows: number | "all";
  primary?: boolean;
  /** Called after a copy by the button or by hand. */
  onCopied?: () => void;
  ref?: Ref<HTMLTextAreaElement>;
}

/** A value to copy, which is selected on focus. */
export function CopyField({ label, what, value, rows, primary = false, onCopied, ref }: CopyFieldProps) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  useImperativeHandle(ref, () => field.current as HTMLTextAreaElement, []);
  const { state, setCopied, copy } = useCopy(value, field);
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
      {/* The padding is around the field, so that its last visible line is whole. */}
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

/** Grows the field to its whole value, or returns whether the value is cut. Both depend on its width. */
function useFit(field: RefObject<HTMLTextAreaElement | null>, grow: boolean): boolean {
  const [cut, setCut] = useState(false);
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    function fit() {
      if (!element) return;
      if (grow) {
        element.style.height = "auto";
        // The first height may give the dialog a scrollbar, which makes the lines shorter.
        for (let times = 0; times < 2; times++) {
          const { scrollHeight, clientHeight } = element;
          if (scrollHeight > clientHeight) element.style.height = `${scrollHeight}px`;
        }
      } else setCut(element.scrollHeight > element.clientHeight + 1);
    }
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(element);
    return () => observer.disconnect();
  }, [field, grow]);
  return cut;
}
