import { type ReactNode, useId, useRef } from "react";
import { Button } from "./button";
import { Notice } from "./notice";
import { Pager, type PagerProps } from "./pager";
import { useRowStops } from "./row-stops";

interface ListFrameProps<T> {
  /** Names the table for screen readers. */
  name: string;
  /** undefined until the first answer. */
  items: T[] | undefined;
  /** What is wrong, if the last request failed. Rows that are there stay. */
  failure: string | null;
  onRetry: () => void;
  head: ReactNode;
  row: (item: T) => ReactNode;
  /** One row of the size of a real one. */
  skeleton: ReactNode;
  empty: ReactNode;
  pages: PagerProps;
}

/** A table in its four states: loading, failed, empty and full. */
export function ListFrame<T>({
  name,
  items,
  failure,
  onRetry,
  head,
  row,
  skeleton,
  empty,
  pages,
}: ListFrameProps<T>) {
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const onKeyDown = useRowStops(body);
  // Until the rows of the next page are there, those of the last one stay.
  const turning = pages.pagination !== undefined && pages.pagination.page_index !== pages.page;
  const retry = (
    <Button className="-my-1" onClick={onRetry}>
      Try again
    </Button>
  );
  if (failure && !items) {
    return (
      <Notice tone="bad" action={retry}>
        {failure}
      </Notice>
    );
  }
  const pager = (
    <Pager
      {...pages}
      busy={turning && !failure}
      onTurned={() => {
        // The next rows begin at the top: for the eyes, and for the Tab key.
        const top = frame.current?.getBoundingClientRect().top ?? 0;
        if (top < 0) frame.current?.scrollIntoView({ block: "start" });
        frame.current?.focus({ preventScroll: true });
      }}
    />
  );
  if (items?.length === 0 && !failure) {
    return (
      <>
        {empty}
        {pager}
      </>
    );
  }
  return (
    <div ref={frame} tabIndex={-1} className="grid scroll-mt-16 gap-3 outline-none md:scroll-mt-4">
      {failure && (
        <Notice tone="bad" action={retry}>
          {failure} What you see may be out of date.
        </Notice>
      )}
      <div className="overflow-hidden rounded-box border border-line">
        <table aria-label={name} aria-busy={!items || turning} className="w-full table-fixed border-collapse">
          <thead className="border-b border-line bg-side text-left text-small text-soft">{head}</thead>
          <tbody
            ref={body}
            onKeyDown={onKeyDown}
            className={`divide-y divide-line ${turning ? "opacity-55" : ""}`}
          >
            {items
              ? items.map(row)
              : [0, 1, 2, 3].map((index) => <SkeletonRow key={`${id}-${index}`}>{skeleton}</SkeletonRow>)}
          </tbody>
        </table>
      </div>
      {pager}
    </div>
  );
}

function SkeletonRow({ children }: { children: ReactNode }) {
  return <tr aria-hidden>{children}</tr>;
}

/** A grey bar where a text will be. */
export function Bar({ className }: { className: string }) {
  return (
    <span
      className={`inline-block h-3 max-w-full animate-pulse rounded-box bg-line align-middle ${className}`}
    />
  );
}

/** What stands in a page's title until it is known. */
export function TitleBar() {
  return (
    <>
      <Bar className="h-4 w-48" />
      <span className="sr-only">Loading</span>
    </>
  );
}

/** What a list says when it has nothing, with the way to its first item. */
export function EmptyList({
  icon,
  title,
  text,
  action,
}: {
  icon: ReactNode;
  title: string;
  text: string;
  action: ReactNode;
}) {
  return (
    <div className="flex flex-col items-center rounded-box border border-line px-6 py-14 text-center">
      <div className="mb-3 text-soft">{icon}</div>
      <h2 className="font-semibold">{title}</h2>
      <p className="mt-1 mb-4 max-w-100 text-balance text-soft">{text}</p>
      {action}
    </div>
  );
}
