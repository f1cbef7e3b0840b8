import { Tooltip } from "@base-ui/react/tooltip";
import { useId } from "react";
import { useNow } from "./clock";
import { relativeTime, utcTime } from "./time-text";

/** One tooltip serves every time on the page: a table of fifty rows would else mount two hundred. */
const exact = Tooltip.createHandle<string>();

interface TimeProps {
  /** RFC 3339 */
  at: string;
  /** Said after the exact time, such as its accuracy. */
  note?: string;
  /** It has happened. In the future, a clock that was ahead stamped it, and when it was is unknown. */
  past?: boolean;
}

/** How far ahead a past time may be, in milliseconds: clocks differ. */
const tolerance = 60_000;

/** A relative time; the exact UTC one on hover, focus and tap, and as its description for screen readers. */
export function Time({ at, note, past = false }: TimeProps) {
  const now = useNow();
  const id = useId();
  const instant = Date.parse(at);
  const full = note ? `${utcTime(instant)} (${note})` : utcTime(instant);
  return (
    <>
      <Tooltip.Trigger
        id={`${id}-time`}
        handle={exact}
        payload={full}
        delay={150}
        closeOnClick={false}
        // Tooltips open on hover and focus only, and a finger does neither.
        onClick={() => exact.open(`${id}-time`)}
        aria-describedby={id}
        className="cursor-default rounded-[3px] text-left underline decoration-transparent decoration-dotted underline-offset-3 hover:decoration-current"
      >
        <time dateTime={at}>
          {past && instant > now + tolerance ? "Unknown" : relativeTime(instant, now)}
        </time>
      </Tooltip.Trigger>
      <span id={id} hidden>
        {full}
      </span>
    </>
  );
}

/** Draws the tooltip of all times; once per page. */
export function TimeTooltip() {
  return (
    <Tooltip.Root handle={exact}>
      {({ payload }) => (
        <Tooltip.Portal>
          <Tooltip.Positioner sideOffset={6} className="z-30">
            <Tooltip.Popup className="rounded-box bg-ink px-2 py-1 text-small text-page shadow-float">
              {payload}
            </Tooltip.Popup>
          </Tooltip.Positioner>
        </Tooltip.Portal>
      )}
    </Tooltip.Root>
  );
}
