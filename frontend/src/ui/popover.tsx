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
        // A click on the button closes it itself. Escape may come while the button still has the focus.
        if (event.type === "keydown" || !anchor.current?.contains(event.target as Node)) onClose();
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
            className="scroll-pb-16 max-h-(--available-height) w-110 max-w-full overflow-y-auto rounded-box border border-line bg-raised shadow-float outline-none"
          >
            <BasePopover.Title className="sr-only">{title}</BasePopover.Title>
            {children}
          </BasePopover.Popup>
        </BasePopover.Positioner>
      </BasePopover.Portal>
    </BasePopover.Root>
  );
}
