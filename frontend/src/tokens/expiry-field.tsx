import { useId } from "react";
import { useNow } from "../ui/clock";
import { FieldErrors } from "../ui/field";
import {
  dateInput,
  type Expiry,
  expiryInstant,
  expiryProblem,
  type Lifetimes,
  lastDay,
  presetLabel,
  presets,
  spelledOut,
} from "./expiry";

interface ExpiryFieldProps {
  value: Expiry;
  onChange: (value: Expiry) => void;
  lifetimes: Lifetimes;
  /** From the server, or from the attempt to send. */
  errors: string[];
}

const segment =
  "flex h-8 cursor-pointer items-center justify-center rounded-[5px] px-2 whitespace-nowrap text-soft has-checked:bg-accent-soft has-checked:font-medium has-checked:text-accent-ink has-focus-visible:outline-2 has-focus-visible:outline-accent-ink hover:text-ink pointer-coarse:h-10";

/** Chooses the end of a token's life and spells out the instant that the choice means. */
export function ExpiryField({ value, onChange, lifetimes, errors }: ExpiryFieldProps) {
  const id = useId();
  const now = useNow();
  const at = expiryInstant(value, now, lifetimes.max);
  const problem = expiryProblem(value, now, lifetimes.max);
  const shown = errors.length > 0 ? errors : problem && value.kind === "date" && value.date ? [problem] : [];
  return (
    <fieldset aria-describedby={`${id}-means`} className="grid gap-1.5">
      <legend className="mb-1.5 font-medium">Expiry</legend>
      <div className="grid grid-cols-2 gap-0.5 rounded-box border border-line-strong p-px sm:auto-cols-fr sm:grid-flow-col sm:grid-cols-none">
        {presets(lifetimes).map((days) => (
          <label key={days} className={segment}>
            <input
              type="radio"
              name={id}
              className="sr-only"
              checked={value.kind === "days" && value.days === days}
              onChange={() => onChange({ kind: "days", days })}
            />
            {presetLabel(days)}
          </label>
        ))}
        <label className={segment}>
          <input
            type="radio"
            name={id}
            className="sr-only"
            checked={value.kind === "date"}
            onChange={() => onChange({ kind: "date", date: "" })}
          />
          Custom
        </label>
      </div>
      {value.kind === "date" && (
        <input
          type="date"
          aria-label="Expiry date"
          aria-invalid={shown.length > 0 || undefined}
          aria-describedby={`${id}-errors`}
          className="control"
          min={dateInput(new Date(now))}
          max={dateInput(lastDay(now, lifetimes.max))}
          value={value.date}
          onChange={(event) => onChange({ kind: "date", date: event.target.value })}
        />
      )}
      <p id={`${id}-means`} className="min-h-4 text-small text-soft">
        {at !== null && !problem
          ? `Expires on ${spelledOut(at)}`
          : `Any day, at most ${lifetimes.max} days from now.`}
      </p>
      <FieldErrors id={`${id}-errors`} label="Expiry" errors={shown} />
    </fieldset>
  );
}
