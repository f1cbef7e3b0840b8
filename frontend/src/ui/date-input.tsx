import { type ComponentProps, useEffect, useRef, useState } from "react";

interface DateInputProps extends Omit<ComponentProps<"input">, "value" | "onChange"> {
  /** Empty while there is no date. */
  value: string;
  onChange: (value: string) => void;
}

/**
 * A field for a date. Firefox empties one that is typed in part, or is a day that its month does not have, as soon as its value
 * or bounds are set. So they are set once, and the value again only if it changes elsewhere.
 */
export function DateInput({ value, min, max, onChange, ...input }: DateInputProps) {
  const field = useRef<HTMLInputElement>(null);
  const [first] = useState({ defaultValue: value, min, max });
  useEffect(() => {
    if (field.current && field.current.value !== value) field.current.value = value;
  }, [value]);
  return <input {...input} {...first} ref={field} onChange={({ target }) => onChange(target.value)} />;
}
