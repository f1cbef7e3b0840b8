import { Menu as BaseMenu } from "@base-ui/react/menu";
import type { ReactElement, ReactNode } from "react";

interface MenuProps {
  /** The button that opens the menu; has to take a ref and props. */
  trigger: ReactElement;
  align?: "start" | "end";
  side?: "top" | "bottom";
  children: ReactNode;
}

export function Menu({ trigger, align = "end", side = "bottom", children }: MenuProps) {
  return (
    <BaseMenu.Root>
      <BaseMenu.Trigger render={trigger} />
      <BaseMenu.Portal>
        <BaseMenu.Positioner align={align} side={side} sideOffset={4} collisionPadding={8} className="z-30">
          <BaseMenu.Popup className="min-w-40 rounded-box border border-line bg-raised p-1 shadow-float outline-none">
            {children}
          </BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  );
}

const item =
  "flex h-8 items-center gap-2 rounded-box px-2 outline-none select-none data-highlighted:bg-hover pointer-coarse:h-10";

interface MenuItemProps {
  icon?: ReactNode;
  danger?: boolean;
  onChoose: () => void;
  children: ReactNode;
}

export function MenuItem({ icon, danger = false, onChoose, children }: MenuItemProps) {
  return (
    <BaseMenu.Item onClick={onChoose} className={`${item} ${danger ? "text-bad-ink" : ""}`}>
      {icon}
      {children}
    </BaseMenu.Item>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <div className="min-w-0 border-b border-line px-2 pt-1 pb-2 mb-1 wrap-anywhere">{children}</div>;
}
