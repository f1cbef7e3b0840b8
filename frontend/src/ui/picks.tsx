import { type KeyboardEvent, useEffect, useRef } from "react";

/** The checkboxes of a list. */
export interface Picking<T> {
  /** The name of a row's checkbox. */
  name: (item: T) => string;
  /** Whether anything is chosen, on any page. All checkboxes then show. */
  some: boolean;
  has: (id: string) => boolean;
  /** `range` is whether to set every row from the last one set. */
  onPick: (id: string, on: boolean, range: boolean) => void;
  /** Moves the end of a range from one row to the next. */
  onExtend: (from: string, to: string) => void;
  onPickPage: (on: boolean) => void;
  /** Goes on to what can be done with the chosen rows. */
  onEnter: () => void;
}

const prefix = "pick-";

/** The id of a row's checkbox; without a row, that of the page's. */
export const pickId = (row = "") => prefix + row;

/** Hidden until the row is in use; never on touch screens or once anything is chosen. */
const shy =
  "opacity-0 group-hover/row:opacity-100 focus-visible:opacity-100 pointer-coarse:opacity-100 in-data-picking:opacity-100";

interface BoxProps {
  row?: string;
  name: string;
  checked: boolean;
  mixed?: boolean;
  onChange: (on: boolean, range: boolean) => void;
}

/** A checkbox that takes clicks in its whole cell. */
function Box({ row, name, checked, mixed = false, onChange }: BoxProps) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current) box.current.indeterminate = mixed;
  }, [mixed]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys press the checkbox itself
    <label
      className={`absolute inset-0 flex justify-center pl-2 ${row ? "pt-3.5" : "items-center"}`}
      // A shift-click would select text.
      onMouseDown={(event) => event.shiftKey && event.preventDefault()}
      onClick={(event) => {
        // With a key held, Firefox presses no checkbox for its label.
        if (event.target === box.current) return;
        event.preventDefault();
        box.current?.focus();
        onChange(!checked, event.shiftKey);
      }}
    >
      <input
        ref={box}
        id={pickId(row)}
        type="checkbox"
        aria-label={name}
        checked={checked}
        onChange={({ target, nativeEvent }) => onChange(target.checked, (nativeEvent as MouseEvent).shiftKey)}
        // The focus must not hide behind what floats.
        className={`size-4 shrink-0 scroll-mt-16 scroll-mb-40 accent-accent transition-opacity ${row ? shy : ""}`}
      />
    </label>
  );
}

export function PickHead<T extends { id: string }>({ picking, items }: { picking: Picking<T>; items: T[] }) {
  const amount = items.filter(({ id }) => picking.has(id)).length;
  const whole = amount > 0 && amount === items.length;
  return (
    <td className="relative w-9 pointer-coarse:w-10">
      {items.length > 0 && (
        <Box
          name="Select all on this page"
          checked={whole}
          mixed={amount > 0 && !whole}
          onChange={picking.onPickPage}
        />
      )}
    </td>
  );
}

export function PickCell<T extends { id: string }>({ picking, item }: { picking: Picking<T>; item?: T }) {
  return (
    <td className="relative">
      {item && (
        <Box
          row={item.id}
          name={picking.name(item)}
          checked={picking.has(item.id)}
          onChange={(on, range) => picking.onPick(item.id, on, range)}
        />
      )}
    </td>
  );
}

const rowOf = (element: Element | null | undefined) =>
  element?.id.startsWith(prefix) ? element.id.slice(prefix.length) : undefined;

/** Handles keys on a row's checkbox: arrows go to the next row, with Shift they extend the range, Enter goes on. */
export function pickKey<T>(event: KeyboardEvent<HTMLElement>, picking: Picking<T>) {
  const box = event.target as Element;
  const from = rowOf(box);
  if (!from || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Enter") {
    event.preventDefault();
    picking.onEnter();
  }
  // Firefox presses the checkbox without Shift.
  if (event.key === " " && event.shiftKey) {
    event.preventDefault();
    if (!event.repeat) picking.onPick(from, !picking.has(from), true);
  }
  const down = event.key === "ArrowDown";
  if (!down && event.key !== "ArrowUp") return;
  event.preventDefault();
  const row = box.closest("tr");
  const next = (down ? row?.nextElementSibling : row?.previousElementSibling)?.querySelector("input");
  const to = rowOf(next);
  if (!to) return;
  next?.focus();
  if (event.shiftKey) picking.onExtend(from, to);
}
