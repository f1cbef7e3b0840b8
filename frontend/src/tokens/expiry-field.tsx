import { useId } from "react";
import { useNow } from "../ui/clock";
import { DateInput } from "../ui/date-input";
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
  /** The token's present end, in milliseconds, if it may stay. */
  present?: number;
}

/** Chooses a token's lifetime and spells out its end. */
export function ExpiryField({ value, onChange, lifetimes, errors, present }: ExpiryFieldProps) {
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
          ...(present === undefined ? [] : [{ value: "unchanged", label: "Keep" }]),
          ...presets(lifetimes).map((seconds) => ({ value: String(seconds), label: lengthLabel(seconds) })),
          { value: "date", label: "Custom" },
        ]}
        value={value.kind === "length" ? String(value.seconds) : value.kind}
        onChange={(chosen) => onChange(chosenExpiry(chosen, present))}
      />
      {value.kind === "date" && (
        <DateInput
          type={byMinute ? "datetime-local" : "date"}
          aria-label="Expiry date"
          aria-invalid={shown.length > 0 || undefined}
          aria-describedby={`${id}-errors`}
          className="control"
          min={firstChoice(now, lifetimes.max)}
          max={lastChoice(now, lifetimes.max)}
          value={value.date}
          onChange={(date) => onChange({ kind: "date", date })}
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

function chosenExpiry(chosen: string, present: number | undefined): Expiry {
  if (chosen === "date") return { kind: "date", date: "" };
  if (chosen === "unchanged" && present !== undefined) return { kind: "unchanged", at: present };
  return { kind: "length", seconds: Number(chosen) };
}
