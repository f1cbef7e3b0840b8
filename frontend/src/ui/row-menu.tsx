import { Ellipsis, type LucideIcon } from "lucide-react";
import { IconButton } from "./button";
import { Menu, MenuItem } from "./menu";

export interface RowAction {
  label: string;
  icon: LucideIcon;
  danger?: boolean;
  /** Why it can't be done now; the action is then shown and can't be chosen. */
  obstacle?: string;
  onChoose: () => void;
}

const buttonId = (row: string) => `actions-${row}`;

interface RowMenuProps {
  /** The id of what the actions are about. */
  row: string;
  name: string;
  /** Beside other buttons rather than in a table. */
  framed?: boolean;
  actions: RowAction[];
}

/** The button with three dots that opens what can be done with one thing. */
export function RowMenu({ row, name, framed = false, actions }: RowMenuProps) {
  const look = framed ? "border border-line-strong bg-raised" : "-my-1.5 pointer-coarse:-my-2.5";
  return (
    <Menu
      trigger={
        <IconButton name={`Actions for ${name}`} id={buttonId(row)} className={look}>
          <Ellipsis aria-hidden className="size-4" />
        </IconButton>
      }
    >
      {actions.map(({ label, icon: Icon, danger, obstacle, onChoose }) => (
        <MenuItem
          key={label}
          danger={danger}
          icon={<Icon aria-hidden className="size-4" />}
          obstacle={obstacle}
          onChoose={onChoose}
        >
          {label}
        </MenuItem>
      ))}
    </Menu>
  );
}

/** The row that takes over the focus should this one go away. */
export function neighbourOf(items: { id: string }[] | undefined, id: string): string | undefined {
  const at = items?.findIndex((item) => item.id === id) ?? -1;
  return (items?.[at + 1] ?? items?.[at - 1])?.id;
}

/** Where the focus goes when a dialog about a row closes: its button, else its neighbour's, else the page's own. */
export function focusOfRow(row: string, neighbour: string | undefined): HTMLElement | null {
  return (
    document.getElementById(buttonId(row)) ??
    document.getElementById(buttonId(neighbour ?? "")) ??
    document.querySelector<HTMLElement>("main button")
  );
}
