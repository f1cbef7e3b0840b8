import { Menu as BaseMenu } from "@base-ui/react/menu";
import type { LucideIcon } from "lucide-react";
import type { ReactElement, ReactNode } from "react";

interface MenuProps {
  /** A button that accepts a ref and props. */
  trigger: ReactElement;
  /** The button keeps its focus, and opens nothing. */
  busy?: boolean;
  align?: "start" | "end";
  side?: "top" | "bottom";
  children: ReactNode;
}

export function Menu({ trigger, busy, align = "end", side = "bottom", children }: MenuProps) {
  return (
    <BaseMenu.Root onOpenChange={(open, { cancel }) => open && busy && cancel()}>
      <BaseMenu.Trigger render={trigger} />
      <BaseMenu.Portal>
        <BaseMenu.Positioner align={align} side={side} sideOffset={4} collisionPadding={8} className="z-30">
          <BaseMenu.Popup className="max-h-(--available-height) max-w-[min(--spacing(80),var(--available-width))] min-w-40 overflow-y-auto rounded-box border border-line bg-raised p-1 shadow-float outline-none">
            {children}
          </BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  );
}

const item =
  "flex min-h-8 items-center gap-2 rounded-box px-2 outline-none select-none data-highlighted:bg-hover pointer-coarse:min-h-10";

interface MenuItemProps {
  icon: LucideIcon;
  danger?: boolean;
  /** Below a line. */
  apart?: boolean;
  /** Why it is disabled. */
  obstacle?: string;
  onChoose: () => void;
  children: ReactNode;
}

export function MenuItem({
  icon: Icon,
  danger = false,
  apart = false,
  obstacle,
  onChoose,
  children,
}: MenuItemProps) {
  const look = obstacle ? "text-soft" : danger ? "text-bad-ink" : "";
  return (
    <>
      {apart && <BaseMenu.Separator className="-mx-1 my-1 h-px bg-line first:hidden" />}
      <BaseMenu.Item onClick={onChoose} disabled={obstacle !== undefined} className={`${item} ${look}`}>
        <Icon aria-hidden className="size-4" />
        {obstacle ? (
          <span className="max-w-60 py-1">
            <span className="block">{children}</span>
            <span className="block text-small">{obstacle}</span>
          </span>
        ) : (
          children
        )}
      </BaseMenu.Item>
    </>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <div className="min-w-0 border-b border-line px-2 pt-1 pb-2 mb-1 wrap-anywhere">{children}</div>;
}
