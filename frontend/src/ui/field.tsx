import { CircleAlert } from "lucide-react";
import { type ComponentProps, type ReactNode, useId } from "react";

export interface FieldProps extends Omit<ComponentProps<"input">, "id" | "value" | "onChange"> {
  label: string;
  value?: string;
  onChange?: (value: string) => void;
  optional?: boolean;
  hint?: ReactNode;
  /** Messages about this field; any makes the field invalid. */
  errors?: string[];
  /** Shown inside the field, at its end. */
  end?: ReactNode;
}

/** A labelled input with its hint and its errors tied to it for screen readers. */
export function Field({
  label,
  optional = false,
  hint,
  errors = [],
  end,
  className,
  onChange,
  ...input
}: FieldProps) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", errors.length > 0 ? `${id}-errors` : ""]
    .filter(Boolean)
    .join(" ");
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="font-medium">
        {label}
        {optional && <span className="font-normal text-soft"> (optional)</span>}
      </label>
      <div className="relative">
        <input
          {...input}
          id={id}
          onChange={(event) => onChange?.(event.target.value)}
          aria-invalid={errors.length > 0 || undefined}
          aria-describedby={described || undefined}
          className={`control ${className ?? ""}`}
        />
        {end && <div className="absolute inset-y-0 right-0 flex items-center">{end}</div>}
      </div>
      {hint && (
        <p id={`${id}-hint`} className="text-small text-soft wrap-anywhere">
          {hint}
        </p>
      )}
      <FieldErrors id={`${id}-errors`} label={label} errors={errors} />
    </div>
  );
}

export function FieldErrors({ id, label, errors }: { id: string; label: string; errors: string[] }) {
  if (errors.length === 0) return null;
  return (
    <div id={id} className="grid gap-1 text-small text-bad-ink">
      {errors.map((text) => (
        <p key={text} className="flex gap-1.5">
          <CircleAlert aria-hidden className="mt-px size-3.5 shrink-0" />
          {sentence(label, text)}
        </p>
      ))}
    </div>
  );
}

/** The server says of a field what follows its name, such as "is wrong"; the page speaks in sentences. */
function sentence(label: string, text: string): string {
  return /^\p{Ll}/u.test(text) ? `${label} ${text}.` : text;
}
