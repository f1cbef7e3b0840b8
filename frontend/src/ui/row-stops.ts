import { type FocusEvent, type KeyboardEvent, type RefObject, useLayoutEffect, useRef } from "react";

const stopsOf = (row: Element) => [...row.querySelectorAll<HTMLElement>("a[href], button:has(> time)")];

const steps: Record<string, (at: number, last: number) => number> = {
  ArrowRight: (at, last) => Math.min(at + 1, last),
  ArrowLeft: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_, last) => last,
};

const boxOf = (row: Element | null | undefined) => row?.querySelector("input") ?? undefined;

/**
 * Makes the links and times of each row one Tab stop, with arrow keys between them, and only the checkbox of the row that had
 * the focus last another: fifty rows would otherwise take two hundred and fifty presses. If the row with the focus
 * disappears, the row in its place gets it. Returns the handlers of the table's body.
 */
export function useRowStops(body: RefObject<HTMLElement | null>) {
  const held = useRef<{ element: Element; row: number }>(undefined);
  function hold(rows: Element[], element: Element | null) {
    const row = rows.findIndex((one) => one.contains(element));
    held.current = element && row >= 0 ? { element, row } : undefined;
    return rows[row];
  }
  useLayoutEffect(() => {
    const rows = [...(body.current?.children ?? [])];
    for (const row of rows) {
      const stops = stopsOf(row);
      if (stops.filter((stop) => stop.tabIndex === 0).length !== 1) stopAt(stops, stops[0]);
    }
    const focused = document.activeElement;
    if (focused === document.body && held.current && !held.current.element.isConnected) {
      const row = rows[Math.min(held.current.row, rows.length - 1)] ?? document.querySelector("main");
      [...(row?.querySelectorAll("button") ?? [])].at(-1)?.focus({ preventScroll: true });
    }
    const boxes = rows.flatMap((one) => boxOf(one) ?? []);
    const row = hold(rows, document.activeElement);
    if (boxes.filter((box) => box.tabIndex === 0).length !== 1) stopAt(boxes, boxOf(row) ?? boxes[0]);
  });
  // A row may get the focus and disappear with the next change.
  const onFocus = ({ currentTarget, target }: FocusEvent<HTMLElement>) => {
    const row = hold([...currentTarget.children], target); // undefined in the menu of a row
    if (row) stopAt([...currentTarget.querySelectorAll("input")], boxOf(row));
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const row = (event.target as Element).closest("tr");
    const step = steps[event.key];
    if (!row || !step || event.altKey || event.ctrlKey || event.metaKey) return;
    const stops = stopsOf(row);
    const at = stops.indexOf(event.target as HTMLElement);
    if (at < 0) return;
    event.preventDefault();
    const next = stops[step(at, stops.length - 1)];
    stopAt(stops, next);
    next?.focus();
  };
  return { onFocus, onKeyDown };
}

function stopAt(stops: HTMLElement[], stop: HTMLElement | undefined) {
  for (const one of stops) one.tabIndex = one === stop ? 0 : -1;
}
