import { useId } from "react";
import { useNow } from "../ui/clock";
import { FieldErrors } from "../ui/field";
import { Segments } from "../ui/segments";
import {
  type Expiry,
  endsWithinDays,
  expiryInstant,
  expiryProblem,
  firstChoice,
  type Lifetimes,
  lastChoice,
  lengthLabel,
  presets,
  spelledOut,
} from "./expiry";

interface ExpiryFieldProps {
  value: Expiry;
  onChange: (value: Expiry) => void;
  lifetimes: Lifetimes;
  errors: string[];
}

/** Chooses a token's lifetime and spells out its end. */
export function ExpiryField({ value, onChange, lifetimes, errors }: ExpiryFieldProps) {
  const id = useId();
  const now = useNow();
  const at = expiryInstant(value, now);
  const byMinute = endsWithinDays(lifetimes.max);
  const problem = expiryProblem(value, now, lifetimes.max);
  const shown = errors.length > 0 ? errors : problem && value.kind === "date" && value.date ? [problem] : [];
  return (
    <fieldset aria-describedby={`${id}-means`} className="grid gap-1.5">
      <legend className="mb-1.5 font-medium">Expiry</legend>
      <Segments
        options={[
          ...presets(lifetimes).map((seconds) => ({ value: String(seconds), label: lengthLabel(seconds) })),
          { value: "date", label: "Custom" },
        ]}
        value={value.kind === "length" ? String(value.seconds) : "date"}
        onChange={(chosen) =>
          onChange(
            chosen === "date" ? { kind: "date", date: "" } : { kind: "length", seconds: Number(chosen) },
          )
        }
      />
      {value.kind === "date" && (
        <input
          type={byMinute ? "datetime-local" : "date"}
          aria-label="Expiry date"
          aria-invalid={shown.length > 0 || undefined}
          aria-describedby={`${id}-errors`}
          className="control"
          min={firstChoice(now, lifetimes.max)}
          max={lastChoice(now, lifetimes.max)}
          value={value.date}
          onChange={(event) => onChange({ kind: "date", date: event.target.value })}
        />
      )}
      <p id={`${id}-means`} className="min-h-4 text-small text-soft">
        {at !== null && !problem
          ? `Expires on ${spelledOut(at)}`
          : `Any ${byMinute ? "time" : "day"}, at most ${lengthLabel(lifetimes.max)} from now.`}
      </p>
      <FieldErrors id={`${id}-errors`} label="Expiry" errors={shown} />
    </fieldset>
  );
}
