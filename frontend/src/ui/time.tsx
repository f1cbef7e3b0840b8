import { Tooltip } from "@base-ui/react/tooltip";
import { useId } from "react";
import { useNow } from "./clock";
import { clockTime, relativeTime, tolerance, utcTime } from "./time-text";

/** One tooltip serves all times: a table of fifty rows would otherwise mount two hundred. */
const exact = Tooltip.createHandle<string>();

interface TimeProps {
  /** RFC 3339 */
  at: string;
  /** Follows the exact time, such as its accuracy. */
  note?: string;
  /** Whether it has happened. If it lies in the future, the clock was wrong, and it shows as unknown. */
  past?: boolean;
  /** Whether to show the time of day instead of the distance. */
  clock?: boolean;
}

/** A relative time or a time of day, with the exact one in a tooltip and as its description. */
export function Time({ at, note, past = false, clock = false }: TimeProps) {
  const now = useNow();
  const id = useId();
  const instant = Date.parse(at);
  const isKnown = !Number.isNaN(instant); // browsers know no years of five digits, which agents may have reported
  const exactly = isKnown ? utcTime(instant) : at;
  const full = note ? `${exactly} (${note})` : exactly;
  return (
    <>
      <Tooltip.Trigger
        id={`${id}-time`}
        handle={exact}
        payload={full}
        delay={150}
        closeOnClick={false}
        // Without this, tooltips open on hover and focus only, not on a tap.
        onClick={() => exact.open(`${id}-time`)}
        aria-describedby={id}
        className="cursor-default rounded-[3px] text-left underline decoration-transparent decoration-dotted underline-offset-3 hover:decoration-current"
      >
        <time dateTime={at}>
          {isKnown && !(past && instant > now + tolerance)
            ? (clock ? clockTime : relativeTime)(instant, now)
            : "Unknown"}
        </time>
      </Tooltip.Trigger>
      <span id={id} hidden>
        {full}
      </span>
    </>
  );
}

interface TimeFactProps extends TimeProps {
  /** Before the time, such as "Created". */
  said: string;
  className?: string;
}

export function TimeFact({ said, className, ...time }: TimeFactProps) {
  return (
    <span className={className}>
      {said} <Time {...time} />
    </span>
  );
}

/** The tooltip of all times; once per page. */
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
