import { Popover as BasePopover } from "@base-ui/react/popover";
import type { ReactNode, RefObject } from "react";

interface PopoverProps {
  /** The button that opens and closes it, and gets the focus afterwards. */
  anchor: RefObject<HTMLElement | null>;
  title: string;
  onClose: () => void;
  children: ReactNode;
}

/** A panel below a button, which Escape and a click elsewhere close. Mount it only while it is open. */
export function Popover({ anchor, title, onClose, children }: PopoverProps) {
  return (
    <BasePopover.Root
      open
      onOpenChange={(_, { event }) => {
        // The button closes it itself.
        if (!(event.target instanceof Node && anchor.current?.contains(event.target))) onClose();
      }}
    >
      <BasePopover.Portal>
        <BasePopover.Positioner
          anchor={anchor}
          align="end"
          sideOffset={4}
          collisionPadding={8}
          // In a small window it covers its button rather than being cut.
          collisionAvoidance={{ side: "shift", align: "shift", fallbackAxisSide: "none" }}
          className="z-20 max-w-(--available-width)"
        >
          <BasePopover.Popup
            finalFocus={anchor}
            className="max-h-(--available-height) w-110 max-w-full overflow-y-auto rounded-box border border-line bg-raised shadow-float outline-none"
          >
            <BasePopover.Title className="sr-only">{title}</BasePopover.Title>
            {children}
          </BasePopover.Popup>
        </BasePopover.Positioner>
      </BasePopover.Portal>
    </BasePopover.Root>
  );
}
