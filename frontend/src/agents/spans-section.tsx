import { type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef, useState } from "react";
import { Bars } from "../ui/bar";
import { Button } from "../ui/button";
import { useNow } from "../ui/clock";
import { count } from "../ui/count";
import { Failure } from "../ui/notice";
import { Section } from "../ui/section";
import type { AgentInstance } from "../wire";
import { isOpen } from "./instances";
import { SpanRow } from "./span-rows";
import { type Placed, placeSpans } from "./span-tree";
import { useSpans } from "./spans";

/** The spans of an instance as a tree, which loads more of them as it is scrolled. */
export function SpansSection({ instance }: { instance: AgentInstance }) {
  const { spans, total, failure, hasMore, isLoadingMore, onMore } = useSpans(instance.id);
  const hasEnded = !isOpen(instance.status);
  return (
    <Section
      title="Spans"
      text={spans && (spans.length < total ? `The first ${amount(spans.length)} of ${amount(total)}.` : "")}
    >
      <Failure
        of={failure}
        lead={spans ? undefined : "The spans could not be loaded."}
        className={spans ? "mb-3" : ""}
      />
      {spans && spans.length > 0 && <SpanTree spans={spans} hasEnded={hasEnded} />}
      {spans?.length === 0 && (
        <p className="rounded-box border border-line px-4 py-3 text-soft">
          {hasEnded
            ? "This instance recorded no spans."
            : "No spans yet. They appear here as the agent works."}
        </p>
      )}
      {!spans && !failure.error && (
        <div className="rounded-box border border-line px-4 py-2.5">
          <Bars lines={["w-40", "w-56 mt-5 h-5", "w-48 mt-5 h-5"]} />
        </div>
      )}
      {hasMore && <More isLoading={isLoadingMore} left={total - (spans?.length ?? 0)} onMore={onMore} />}
    </Section>
  );
}

const amount = (number: number) => number.toLocaleString("en");

interface MoreProps {
  isLoading: boolean;
  left: number;
  onMore: () => void;
}

/** Loads more at a click, and once it scrolls into sight. */
function More({ isLoading, left, onMore }: MoreProps) {
  const place = useRef<HTMLDivElement>(null);
  const latest = useRef(onMore);
  latest.current = onMore;
  useEffect(() => {
    if (!place.current || !("IntersectionObserver" in window)) return;
    let isFirst = true;
    const observer = new IntersectionObserver(([entry]) => {
      // The first report says where it is, not that it was reached.
      if (entry?.isIntersecting && !isFirst) latest.current();
      isFirst = false;
    });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={place} className="mt-3 flex items-center gap-3 text-soft">
      <Button busy={isLoading} onClick={onMore}>
        Show more
      </Button>
      <p role="status">{isLoading ? "Loading…" : left > 0 && `${count(left, "more span")}`}</p>
    </div>
  );
}

interface SpanTreeProps {
  spans: Parameters<typeof placeSpans>[0];
  hasEnded: boolean;
}

function SpanTree({ spans, hasEnded }: SpanTreeProps) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [shown, setShown] = useState<ReadonlySet<string>>(new Set());
  const [current, setCurrent] = useState<string>();
  const tree = useRef<HTMLDivElement>(null);
  const now = useNow();
  const rows = useMemo(() => placeSpans(spans, (id) => closed.has(id)), [spans, closed]);
  // The tab stop may be gone, or below a closed span.
  const stop = rows.some(({ span }) => span.id === current) ? current : rows[0]?.span.id;

  function focus(row: Placed | undefined) {
    if (!row) return;
    setCurrent(row.span.id);
    tree.current?.querySelector<HTMLElement>(`[data-span="${CSS.escape(row.span.id)}"]`)?.focus();
  }
  function onClick(event: MouseEvent) {
    const target = event.target as Element;
    const id = idAt(target);
    if (!id || !target.closest("[data-line]")) return;
    setCurrent(id);
    if (target.closest("[data-fold]")) setClosed(toggled(closed, id));
    else setShown(toggled(shown, id));
  }
  function onKeyDown(event: KeyboardEvent<HTMLElement>) {
    const at = rows.findIndex(({ span }) => span.id === idAt(event.target as Element));
    const row = rows[at];
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    if (!(event.target as Element).matches("[role=treeitem]")) return;
    const { id } = row.span;
    const isClosed = closed.has(id);
    const keys: Record<string, () => void> = {
      ArrowDown: () => focus(rows[at + 1]),
      ArrowUp: () => focus(rows[at - 1]),
      Home: () => focus(rows[0]),
      End: () => focus(rows.at(-1)),
      ArrowRight: () => {
        if (row.children > 0 && isClosed) setClosed(toggled(closed, id));
        else if (row.children > 0) focus(rows[at + 1]);
      },
      ArrowLeft: () => {
        if (row.children > 0 && !isClosed) setClosed(toggled(closed, id));
        else focus(rows.find(({ span }) => span.id === row.parent));
      },
      Enter: show,
      " ": show,
    };
    function show() {
      // A held key would show and hide it by turns.
      if (!event.repeat) setShown(toggled(shown, id));
    }
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
  return (
    <div
      ref={tree}
      role="tree"
      aria-label="Spans"
      onClick={onClick}
      onKeyDown={onKeyDown}
      className="overflow-hidden rounded-box border border-line"
    >
      {rows.map((row) => (
        <SpanRow
          key={row.span.id}
          {...row}
          isClosed={closed.has(row.span.id)}
          isShown={shown.has(row.span.id)}
          isCurrent={row.span.id === stop}
          hasEnded={hasEnded}
          now={isOpen(row.span.status) && !hasEnded ? now : 0}
        />
      ))}
    </div>
  );
}

const idAt = (element: Element) => element.closest<HTMLElement>("[data-span]")?.dataset.span;

function toggled(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(ids);
  if (!next.delete(id)) next.add(id);
  return next;
}
