import { type ReactNode, useState } from "react";
import { ScrollBox } from "./scroll-box";

/** Pixels of a row, which has two lines. */
const height = 48;

/** Rows around the visible ones, so that scrolling shows no gaps. */
const margin = 6;

/** Rows that fit. */
const visible = 5;

/** Browsers limit the height of a page to about twice that of so many rows. */
const most = 100_000;

interface LongListProps<T> {
  /** Its name for screen readers. */
  label: string;
  items: T[];
  keyOf: (item: T) => string;
  children: (item: T) => ReactNode;
}

/** A list that scrolls within itself and draws only the rows in sight, so that thousands stay fast. */
export function LongList<T>({ label, items, keyOf, children }: LongListProps<T>) {
  const [first, setFirst] = useState(0);
  const start = Math.max(0, Math.min(first, items.length - visible) - margin);
  const listed = Math.min(items.length, most);
  return (
    <ScrollBox
      aria-label={label}
      className="max-h-66 overscroll-contain rounded-box border border-line"
      onScroll={({ currentTarget }) => setFirst(Math.floor(currentTarget.scrollTop / height))}
    >
      <ul className="relative" style={{ height: listed * height }}>
        {items.slice(start, Math.min(start + visible + 2 * margin, listed)).map((item, index) => (
          <li
            key={keyOf(item)}
            aria-setsize={items.length}
            aria-posinset={start + index + 1}
            style={{ top: (start + index) * height, height }}
            className="absolute inset-x-0 flex items-center gap-2.5 border-line px-3 not-first:border-t"
          >
            {children(item)}
          </li>
        ))}
      </ul>
    </ScrollBox>
  );
}
