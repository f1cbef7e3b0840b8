import { ChevronDown } from "lucide-react";
import { Labelled } from "./field";

interface SelectFieldProps<T extends string> {
  label: string;
  name: string;
  options: { value: T; label: string }[];
  value: T;
  onChange: (value: T) => void;
  errors: string[];
}

/** A native select: the browser's own list works best with keyboards and on phones. */
export function SelectField<T extends string>({
  label,
  options,
  errors,
  onChange,
  ...select
}: SelectFieldProps<T>) {
  return (
    <Labelled label={label} errors={errors}>
      {(attributes) => (
        <>
          <select
            {...select}
            {...attributes}
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
        </>
      )}
    </Labelled>
  );
}
