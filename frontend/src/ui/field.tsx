import { CircleAlert } from "lucide-react";
import { type ComponentProps, type ReactNode, useId } from "react";
import { sentence } from "../api";

interface LabelledProps {
  label: string;
  optional?: boolean;
  hint?: ReactNode;
  /** Any message makes the field invalid. */
  errors?: string[];
  /** Gets the control's attributes. */
  children: (attributes: {
    id: string;
    "aria-invalid": true | undefined;
    "aria-describedby": string | undefined;
  }) => ReactNode;
}

/** A control with label, hint and errors. */
export function Labelled({ label, optional = false, hint, errors = [], children }: LabelledProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, errors.length > 0 && `${id}-errors`].filter(Boolean).join(" ");
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="font-medium">
        {label}
        {optional && <span className="font-normal text-soft"> (optional)</span>}
      </label>
      <div className="relative">
        {children({
          id,
          "aria-invalid": errors.length > 0 || undefined,
          "aria-describedby": described || undefined,
        })}
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

export interface FieldProps
  extends Omit<ComponentProps<"input">, "id" | "value" | "onChange">,
    Omit<LabelledProps, "children"> {
  value?: string;
  onChange?: (value: string) => void;
  /** Keeps tabs and line breaks. */
  verbatim?: boolean;
  /** At the end, inside the field. */
  end?: ReactNode;
}

/** Tabs and line breaks come with pasted text. The server takes them in no line. */
const breaks = /\s*[\t-\r\x85\u2028\u2029]\s*/g;

export function Field({
  label,
  optional,
  hint,
  errors,
  end,
  verbatim = false,
  className,
  onChange,
  ...input
}: FieldProps) {
  return (
    <Labelled label={label} optional={optional} hint={hint} errors={errors}>
      {(attributes) => (
        <>
          <input
            {...input}
            {...attributes}
            onChange={({ target: { value } }) => onChange?.(verbatim ? value : value.replace(breaks, " "))}
            className={`control ${className ?? ""}`}
          />
          {end && <div className="absolute inset-y-0 right-0 flex items-center">{end}</div>}
        </>
      )}
    </Labelled>
  );
}

/** Selects each error of a field. */
export const shownErrors = "[data-errors] > *";

export function FieldErrors({ id, label, errors }: { id: string; label: string; errors: string[] }) {
  if (errors.length === 0) return null;
  return (
    <div id={id} data-errors className="grid gap-1 text-small text-bad-ink">
      {errors.map((text) => (
        <p key={text} className="flex gap-1.5">
          <CircleAlert aria-hidden className="mt-px size-3.5 shrink-0" />
          {sentence(label, text)}
        </p>
      ))}
    </div>
  );
}
