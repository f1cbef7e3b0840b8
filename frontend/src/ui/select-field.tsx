import { ChevronDown } from "lucide-react";
import { type ComponentProps, useId } from "react";
import { FieldErrors } from "./field";

interface SelectFieldProps<T extends string>
  extends Omit<ComponentProps<"select">, "id" | "value" | "onChange"> {
  label: string;
  options: { value: T; label: string }[];
  value: T;
  onChange: (value: T) => void;
  errors?: string[];
}

/** One of a few known values. The browser's own list serves keyboards and phones best. */
export function SelectField<T extends string>({
  label,
  options,
  value,
  onChange,
  errors = [],
  ...rest
}: SelectFieldProps<T>) {
  const id = useId();
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      <div className="relative">
        <select
          {...rest}
          id={id}
          value={value}
          aria-invalid={errors.length > 0 || undefined}
          aria-describedby={errors.length > 0 ? `${id}-errors` : undefined}
          onChange={(event) => {
            const chosen = options.find((option) => option.value === event.target.value);
            if (chosen) onChange(chosen.value);
          }}
          className="control appearance-none pr-9"
        >
          {options.map((option) => (
            <option key={option.value} value={option.value} className="bg-raised text-ink">
              {option.label}
            </option>
          ))}
        </select>
        <ChevronDown
          aria-hidden
          className="pointer-events-none absolute inset-y-0 right-2.5 my-auto size-4 text-soft"
        />
      </div>
      <FieldErrors id={`${id}-errors`} label={label} errors={errors} />
    </div>
  );
}
