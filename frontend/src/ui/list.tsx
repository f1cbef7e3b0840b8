import type { LucideIcon } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { Bar } from "./bar";
import { Failure } from "./notice";
import { Pager, type PagerProps } from "./pager";
import { PickCell, PickHead, type Picking, pickKey } from "./picks";
import { useReadOnly } from "./read-only";
import { type RowAction, RowMenu } from "./row-menu";
import { useRowStops } from "./row-stops";
import { Time } from "./time";

export interface Column<T> {
  head: string;
  /** A class; without one, the column takes the remaining width. */
  width?: string;
  /** The narrowest window that shows it. */
  from?: keyof typeof shownFrom;
  soft?: boolean;
  /** For a column of buttons, whose head only screen readers get. */
  buttons?: boolean;
  /** As high as a filled cell. By default one bar, or nothing for buttons. */
  skeleton?: ReactNode;
  cell: (item: T) => ReactNode;
}

const shownFrom = { sm: "hidden sm:table-cell", md: "hidden md:table-cell" };

/** A column with the times in the items' field `at`. */
export function timeColumn<K extends string>(
  head: string,
  width: string,
  from: keyof typeof shownFrom,
  at: K,
): Column<Record<K, string>> {
  return { head, width, from, soft: true, cell: (item) => <Time at={item[at]} /> };
}

/** The last column, with the menu of each row. */
export function menuColumn<T extends { id: string }>(
  name: (item: T) => string,
  actions: (item: T) => (RowAction | false)[],
): Column<T> {
  return {
    head: "Actions",
    width: "w-14",
    buttons: true,
    cell: (item) => <RowMenu row={item.id} name={name(item)} actions={actions(item)} />,
  };
}

/** One page of a list. */
export interface Listing<T> extends PagerProps {
  /** undefined until the first answer. */
  items: T[] | undefined;
  /** Whether the items are those of the last page or filter, until the new ones are there. */
  turning: boolean;
  /** The failure of the last request. Older rows stay. */
  error: Error | null;
  onRetry: () => void;
}

interface ListProps<T> {
  /** The table's name for screen readers. */
  name: string;
  list: Listing<T>;
  columns: Column<T>[];
  rowClass?: (item: T) => string;
  /** Adds a column of checkboxes. */
  picking?: Picking<T>;
  empty: Empty;
}

export interface Empty {
  icon: LucideIcon;
  title: string;
  text: string;
  action?: ReactNode;
  /** Whether text and action are also for users who may only look. */
  reads?: boolean;
}

/** A table in its four states: loading, failed, empty and full. */
export function List<T extends { id: string }>({
  name,
  list,
  columns,
  rowClass,
  picking,
  empty,
}: ListProps<T>) {
  const frame = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const { onFocus, onKeyDown } = useRowStops(body);
  const { items, turning, error, onRetry, pagination, place, onPlace } = list;
  const settled = useRef(empty);
  const emptied = useRef<HTMLDivElement>(null);
  const filling = useRef(false);
  filling.current = emptied.current?.contains(document.activeElement) ?? false;
  useEffect(() => {
    // The focused button went with the text that the rows replace.
    if (filling.current && !emptied.current) frame.current?.focus({ preventScroll: true });
  });
  if (!turning) settled.current = empty;
  const failure = { error, data: items, refetch: onRetry };
  if (error && !items) {
    return <Failure of={failure} />;
  }
  const pager = (
    <Pager
      pagination={pagination}
      place={place}
      onPlace={onPlace}
      busy={turning && !error}
      onTurned={() => {
        // The new page is read from its top, by eye and by Tab key.
        const top = frame.current?.getBoundingClientRect().top ?? 0;
        if (top < 0) frame.current?.scrollIntoView({ block: "start" });
        frame.current?.focus({ preventScroll: true });
      }}
    />
  );
  if (items?.length === 0 && !error) {
    return (
      <>
        <div ref={emptied} aria-busy={turning} className={dimmed(turning)}>
          <EmptyList {...settled.current} />
        </div>
        {pager}
      </>
    );
  }
  return (
    <div ref={frame} tabIndex={-1} className="grid scroll-mt-16 gap-3 outline-none md:scroll-mt-4">
      <Failure of={failure} />
      <div className="overflow-hidden rounded-box border border-line">
        <table
          aria-label={name}
          aria-busy={!items || turning}
          data-picking={picking?.some || undefined}
          className="w-full table-fixed border-collapse"
        >
          <thead className="border-b border-line bg-side text-left text-small text-soft">
            <tr>
              {picking && <PickHead picking={picking} items={items ?? []} />}
              {columns.map(({ head, width = "", from, buttons }) => (
                <th
                  key={head}
                  scope="col"
                  className={`${buttons ? "px-3" : "px-4 py-2 font-medium"} ${width} ${from ? shownFrom[from] : ""}`}
                >
                  {buttons ? <span className="sr-only">{head}</span> : head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody
            ref={body}
            onFocus={onFocus}
            onKeyDown={(event) => {
              onKeyDown(event);
              if (picking) pickKey(event, picking);
            }}
            className={`divide-y divide-line ${dimmed(turning)}`}
          >
            {items?.map((item) => (
              <tr key={item.id} className={`group/row ${rowClass?.(item) ?? ""}`}>
                {picking && <PickCell picking={picking} item={item} />}
                {columns.map((column) => cell(column, column.cell(item)))}
              </tr>
            )) ??
              [0, 1, 2, 3].map((row) => (
                <tr key={row} aria-hidden>
                  {picking && <PickCell picking={picking} />}
                  {columns.map((column) =>
                    cell(column, column.skeleton ?? (!column.buttons && <Bar className="w-20" />)),
                  )}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
      {pager}
    </div>
  );
}

/** Fast answers come before the delay, so that nothing flickers. */
const dimmed = (turning: boolean) => `transition-opacity ${turning ? "opacity-55 delay-100" : ""}`;

function cell<T>({ head, from, soft, buttons }: Column<T>, content: ReactNode) {
  const look = `${from ? shownFrom[from] : ""} ${soft ? "text-soft" : ""}`;
  return (
    <td key={head} className={`py-3 align-top wrap-anywhere ${buttons ? "px-3 text-right" : "px-4"} ${look}`}>
      {content}
    </td>
  );
}

function EmptyList({ icon: Icon, title, text, action, reads = false }: Empty) {
  const readOnly = useReadOnly();
  return (
    <div className="flex flex-col items-center rounded-box border border-line px-6 py-14 text-center">
      <Icon aria-hidden className="mb-3 size-6 text-soft" />
      <h2 className="font-semibold">{title}</h2>
      {(reads || !readOnly) && (
        <>
          <p className="mt-1 mb-4 max-w-100 text-balance text-soft wrap-anywhere">{text}</p>
          {action}
        </>
      )}
    </div>
  );
}
