import { Labelled } from "./field";
import { type Options, Select } from "./select";

interface SelectFieldProps<T extends string> extends Options<T> {
  label: string;
  name: string;
  errors: string[];
}

/** A select with a label above and errors below. */
export function SelectField<T extends string>({ label, errors, ...select }: SelectFieldProps<T>) {
  return (
    <Labelled label={label} errors={errors}>
      {(attributes) => <Select {...select} {...attributes} className="w-full" />}
    </Labelled>
  );
}
