import { Download } from "lucide-react";
import { type ReactNode, useRef } from "react";
import { Button } from "./button";
import { ScrollBox } from "./scroll-box";
import { CopyButton, CopyStatus, useCopy } from "./use-copy";

interface CodeBlockProps {
  /** A title, or the name of the file. */
  name: string;
  /** Its name for screen readers, where several blocks have the same title. */
  label?: string;
  text: string;
  /** Whether to offer a download under its name. */
  file?: boolean;
  /** Wraps long lines. */
  wrap?: boolean;
  /** Forbids copying and downloading. */
  disabled?: boolean;
  /** Called after a copy by the button. */
  onCopied?: () => void;
  /** The text with highlights. */
  children?: ReactNode;
}

/** A preformatted text with buttons to copy and download it. */
export function CodeBlock({
  name,
  label = name,
  text,
  file = false,
  wrap = false,
  disabled = false,
  onCopied,
  children = text,
}: CodeBlockProps) {
  const shown = useRef<HTMLPreElement>(null);
  const { state, copy } = useCopy(text, shown);
  return (
    <section aria-label={label} className="overflow-hidden rounded-box border border-line">
      <div className="flex flex-wrap items-center justify-between gap-2 border-b border-line py-1.5 pr-1.5 pl-3">
        <span className="min-w-0 font-medium wrap-anywhere">{name}</span>
        <div className="flex flex-wrap gap-1.5">
          <CopyButton
            state={state}
            what={label}
            disabled={disabled}
            onClick={async () => {
              if (await copy()) onCopied?.();
            }}
          />
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
      <ScrollBox className="max-h-110 bg-side">
        <pre
          ref={shown}
          className={`w-fit min-w-full px-3 py-2.5 font-mono text-small ${wrap ? "whitespace-pre-wrap break-all" : ""} ${disabled ? "text-soft" : ""}`}
        >
          <code>{children}</code>
        </pre>
      </ScrollBox>
    </section>
  );
}

function save(name: string, text: string) {
  // As text, browsers would add .txt to a name without an extension.
  const url = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
