import { Download } from "lucide-react";
import { type ReactNode, useRef } from "react";
import { Button } from "./button";
import { copyText } from "./clipboard";
import { CopyButton, CopyStatus, useCopy } from "./use-copy";

interface CodeBlockProps {
  /** What it is, such as the name of a file; the buttons name it too. */
  name: string;
  text: string;
  /** Whether it is a file to save, under its name. */
  file?: boolean;
  /** Lines that are too long go on below instead of out of sight. */
  wrap?: boolean;
  /** It is not right at the moment and can't be taken away. */
  disabled?: boolean;
  /** The text, with parts of it made to stand out. */
  children?: ReactNode;
}

/** A text to take away, with its lines as they are. */
export function CodeBlock({
  name,
  text,
  file = false,
  wrap = false,
  disabled = false,
  children = text,
}: CodeBlockProps) {
  const shown = useRef<HTMLPreElement>(null);
  const { state, copy } = useCopy(
    () => copyText(text),
    () => shown.current && window.getSelection()?.selectAllChildren(shown.current),
  );

  return (
    <section aria-label={name} className="overflow-hidden rounded-box border border-line">
      <div className="flex flex-wrap items-center justify-between gap-2 border-b border-line py-1.5 pr-1.5 pl-3">
        <span className="min-w-0 font-medium wrap-anywhere">{name}</span>
        <div className="flex gap-1.5">
          <CopyButton state={state} what={name} disabled={disabled} onClick={copy} />
          {file && (
            <Button
              size="small"
              disabled={disabled}
              onClick={() => save(name, text)}
              aria-label={`Download ${name}`}
              icon={<Download aria-hidden className="size-3.5" />}
            >
              Download
            </Button>
          )}
        </div>
      </div>
      <CopyStatus state={state} className="border-b border-line px-3 py-1.5" />
      <pre
        ref={shown}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to scroll by keyboard too
        tabIndex={0}
        className={`max-h-110 overflow-auto bg-side px-3 py-2.5 font-mono text-small -outline-offset-2 ${wrap ? "whitespace-pre-wrap break-all" : ""} ${disabled ? "text-soft" : ""}`}
      >
        <code>{children}</code>
      </pre>
    </section>
  );
}

function save(name: string, text: string) {
  // Not as text: browsers would put .txt after a name without an ending.
  const url = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
