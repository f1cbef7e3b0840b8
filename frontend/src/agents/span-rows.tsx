import { ChevronRight } from "lucide-react";
import { type CSSProperties, memo } from "react";
import { CodeBlock } from "../ui/code-block";
import { CopyValue } from "../ui/copy-value";
import { Time } from "../ui/time";
import { InstanceBadge } from "./instance-badge";
import { isOpen, ranText, statusWords } from "./instances";
import { indented } from "./json-text";
import type { Placed } from "./span-tree";
import type { Span } from "./spans";

/** Levels that are indented. Deeper ones say their number instead. */
const mostIndents = 8;

/** The longest text that a block shows, in characters. Copying it copies all. */
const longest = 50_000;

interface SpanRowProps extends Placed {
  isClosed: boolean;
  /** Whether its payload shows. */
  isShown: boolean;
  /** Whether it is the tree's tab stop. */
  isCurrent: boolean;
  /** Whether its instance has ended. */
  hasEnded: boolean;
  /** For the duration of open spans; a fixed time otherwise, so that rows draw once. */
  now: number;
}

/** A span in the tree. The tree responds to its clicks and keys. */
export const SpanRow = memo(function SpanRow({
  span,
  level,
  children,
  position,
  siblings,
  isClosed,
  isShown,
  isCurrent,
  hasEnded,
  now,
}: SpanRowProps) {
  const running = isOpen(span.status);
  const unfinished = running && hasEnded;
  const name = span.schema_title ?? span.schema_name;
  const ran = unfinished ? "" : ranText(span, running, now);
  return (
    <div
      role="treeitem"
      data-span={span.id}
      aria-level={level}
      aria-posinset={position}
      aria-setsize={siblings}
      aria-expanded={children > 0 ? !isClosed : undefined}
      aria-label={[name, unfinished ? "Unfinished" : statusWords[span.status], ran]
        .filter(Boolean)
        .join(", ")}
      tabIndex={isCurrent ? 0 : -1}
      // Rows out of sight cost nothing.
      className={`scroll-my-16 border-line not-first:border-t -outline-offset-2 ${isShown ? "" : "[contain-intrinsic-size:auto_40px] [content-visibility:auto]"}`}
    >
      <div
        data-line
        style={{ "--indent": `min(${Math.min(level - 1, mostIndents) * 16}px, 30%)` } as CSSProperties}
        className="grid min-h-10 cursor-default grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 py-1.5 pr-2 pl-2 hover:bg-hover sm:grid-cols-[minmax(0,1fr)_96px_120px_auto]"
      >
        <span className="col-start-1 row-start-1 flex min-w-0 items-center gap-1 pl-(--indent)">
          {children > 0 ? (
            <span data-fold aria-hidden className="-my-1 shrink-0 p-1 text-soft hover:text-ink">
              <ChevronRight className={`size-4 transition-transform ${isClosed ? "" : "rotate-90"}`} />
            </span>
          ) : (
            <span className="w-6 shrink-0" />
          )}
          {level > mostIndents + 1 && (
            <span className="shrink-0 rounded-box border border-line px-1 text-small text-soft">{level}</span>
          )}
          <span className="min-w-0 wrap-anywhere" dir="auto">
            {name}
          </span>
          {isClosed && <span className="ml-1 shrink-0 text-small text-soft">+{children}</span>}
        </span>
        <span className="row-start-2 flex items-center gap-2 pl-[calc(var(--indent)+28px)] text-small text-soft max-sm:col-span-2 sm:col-start-2 sm:row-start-1 sm:pl-0">
          <InstanceBadge status={span.status} unfinished={unfinished} />
          <span className="sm:hidden">{ran}</span>
        </span>
        <span className="col-start-3 row-start-1 text-right text-soft max-sm:hidden">{ran}</span>
        <button
          type="button"
          data-show
          aria-expanded={isShown}
          aria-label={`Payload of ${name}`}
          tabIndex={isCurrent ? 0 : -1}
          className="col-start-2 row-start-1 h-7 rounded-box px-2 sm:col-start-4 text-small font-medium text-soft hover:bg-hover hover:text-ink aria-expanded:bg-hover aria-expanded:text-ink pointer-coarse:h-10"
        >
          Payload
        </button>
      </div>
      {isShown && <SpanDetails span={span} name={name} />}
    </div>
  );
});

/** The part of a span that unfolds. It shows payloads as text, never as HTML. */
function SpanDetails({ span, name }: { span: Span; name: string }) {
  const title = `${name} …${span.id.slice(-8)}`;
  return (
    <div data-details className="grid gap-3 border-t border-line bg-side px-4 py-3">
      <div className="flex flex-wrap gap-x-5 gap-y-1 text-small text-soft">
        <span className="flex min-w-0 flex-wrap items-start gap-x-1 leading-5">
          Span ID <CopyValue what={`ID of span ${title}`} value={span.id} />
        </span>
        {span.schema_title && <span className="leading-5">Schema {span.schema_name}</span>}
        {span.started_at && (
          <span className="leading-5">
            Started <Time at={span.started_at} past />
          </span>
        )}
        {span.finished_at && (
          <span className="leading-5">
            Finished <Time at={span.finished_at} past />
          </span>
        )}
      </div>
      <Json name="Payload" of={title} value={span.payload} />
      <Json name="Result" of={title} value={span.result_payload} />
    </div>
  );
}

interface JsonProps {
  name: string;
  of: string;
  value: string;
}

function Json({ name, of, value }: JsonProps) {
  if (/^(null|\{\s*\})$/.test(value)) {
    return <p className="text-soft">{name === "Result" ? "No result" : "No payload"}</p>;
  }
  return <JsonBlock name={name} label={`${name} of ${of}`} value={value} />;
}

/** Characters that are invisible or reorder text. Emoji and some languages need U+200C and U+200D. */
const hidden = /(?![\n\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const escaped = (character: string) =>
  Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
  ).join("");

/** JSON as text, with hidden characters as escapes: these mean the same, also in a copy. */
export function JsonBlock({ name, label, value }: { name: string; label: string; value: string }) {
  const text = indented(value).replace(hidden, escaped);
  const isLong = text.length > longest;
  return (
    <div className="min-w-0 bg-page">
      <CodeBlock name={name} label={label} text={text} wrap>
        {isLong ? text.slice(0, longest) : text}
      </CodeBlock>
      {isLong && (
        <p className="bg-side pt-1.5 text-small text-soft">
          The first {longest.toLocaleString("en")} of {text.length.toLocaleString("en")} characters. Copy
          copies all.
        </p>
      )}
    </div>
  );
}
