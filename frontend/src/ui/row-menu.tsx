import { Ellipsis, LoaderCircle, type LucideIcon } from "lucide-react";
import { IconButton } from "./button";
import { Menu, MenuItem } from "./menu";
import { useReadOnly } from "./read-only";

export interface RowAction {
  label: string;
  icon: LucideIcon;
  danger?: boolean;
  /** Below a line. */
  apart?: boolean;
  /** Changes nothing, so it is also for users who may only look. */
  reads?: boolean;
  /** Why the action is disabled. */
  obstacle?: string;
  /** Whether it waits for its answer. The menu does not open meanwhile. */
  busy?: boolean;
  onChoose: () => void;
}

/** The id of the button that acts on a row. */
export const buttonId = (row: string) => `actions-${row}`;

interface RowMenuProps {
  /** The row's id. */
  row: string;
  name: string;
  /** For a menu beside other buttons. */
  framed?: boolean;
  /** False ones are left out. */
  actions: (RowAction | false)[];
}

/** A button with three dots that opens a menu of actions. */
export function RowMenu({ row, name, framed = false, actions }: RowMenuProps) {
  const readOnly = useReadOnly();
  const offered = actions.filter((action) => action !== false).filter(({ reads }) => !readOnly || reads);
  if (offered.length === 0) return null;
  const busy = offered.some((action) => action.busy) || undefined;
  const look = framed ? "border border-line-strong bg-raised" : "-my-1.5 pointer-coarse:-my-2.5";
  return (
    <Menu
      busy={busy}
      trigger={
        <IconButton
          name={`Actions for ${name}`}
          id={buttonId(row)}
          aria-busy={busy}
          aria-disabled={busy}
          className={look}
        >
          {busy ? (
            <LoaderCircle aria-hidden className="size-4 animate-spin" />
          ) : (
            <Ellipsis aria-hidden className="size-4" />
          )}
        </IconButton>
      }
    >
      {offered.map(({ label, reads, busy: _, ...item }) => (
        <MenuItem key={label} {...item}>
          {label}
        </MenuItem>
      ))}
    </Menu>
  );
}

/**
 * Returns what finds the focus after an action on a row: the row's button, else its neighbour's, else the page's search, else
 * its first button, else the page. Call it before the row can be gone.
 */
export function focusOfRow(row = ""): () => HTMLElement | null {
  const place = document.getElementById(buttonId(row))?.closest("tr");
  const neighbour = place?.nextElementSibling ?? place?.previousElementSibling;
  const beside = neighbour?.querySelector(`[id^="${buttonId("")}"]`)?.id;
  return () =>
    document.getElementById(buttonId(row)) ??
    document.getElementById(beside ?? "") ??
    document.querySelector<HTMLElement>("main [type=search]") ??
    document.querySelector<HTMLElement>("main button:enabled") ??
    document.querySelector("main");
}
