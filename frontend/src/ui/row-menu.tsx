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

/** The id of the button that acts on a row. */
export const buttonId = (row: string) => `actions-${row}`;

interface RowMenuProps {
  /** The id of what the actions are about. */
  row: string;
  name: string;
  /** Beside other buttons rather than in a table. */
  framed?: boolean;
  /** Without those that are false. */
  actions: (RowAction | false)[];
}

/** The button with three dots that opens what can be done with one thing. */
export function RowMenu({ row, name, framed = false, actions }: RowMenuProps) {
  const offered = actions.filter((action) => action !== false);
  if (offered.length === 0) return null;
  const look = framed ? "border border-line-strong bg-raised" : "-my-1.5 pointer-coarse:-my-2.5";
  return (
    <Menu
      trigger={
        <IconButton name={`Actions for ${name}`} id={buttonId(row)} className={look}>
          <Ellipsis aria-hidden className="size-4" />
        </IconButton>
      }
    >
      {offered.map(({ label, icon: Icon, danger, obstacle, onChoose }) => (
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

/**
 * Where the focus goes once what is asked about a row is answered: to the row's button, else its neighbour's, else the
 * page's own. Called while the row is there.
 */
export function focusOfRow(row: string): () => HTMLElement | null {
  const place = document.getElementById(buttonId(row))?.closest("tr");
  const neighbour = place?.nextElementSibling ?? place?.previousElementSibling;
  const beside = neighbour?.querySelector(`[id^="${buttonId("")}"]`)?.id;
  return () =>
    document.getElementById(buttonId(row)) ??
    document.getElementById(beside ?? "") ??
    document.querySelector<HTMLElement>("main button");
}
