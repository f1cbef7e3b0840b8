import { useId } from "react";
import { useNow } from "../ui/clock";
import { FieldErrors } from "../ui/field";
import { Segments } from "../ui/segments";
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
      <Segments
        options={[
          ...presets(lifetimes).map((days) => ({ value: String(days), label: presetLabel(days) })),
          { value: "date", label: "Custom" },
        ]}
        value={value.kind === "days" ? String(value.days) : "date"}
        onChange={(chosen) =>
          onChange(chosen === "date" ? { kind: "date", date: "" } : { kind: "days", days: Number(chosen) })
        }
      />
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
