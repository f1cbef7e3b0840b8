import { useId } from "react";

const segment =
  "flex h-8 cursor-pointer items-center justify-center rounded-[5px] px-2 whitespace-nowrap text-soft has-checked:bg-accent-soft has-checked:font-medium has-checked:text-accent-ink has-focus-visible:outline-2 has-focus-visible:outline-accent-ink hover:text-ink pointer-coarse:h-10";

interface SegmentsProps<T extends string> {
  options: { value: T; label: string }[];
  value: T;
  onChange: (value: T) => void;
}

/** Radio buttons for a few values. Put them into a fieldset, whose legend names them. */
export function Segments<T extends string>({ options, value, onChange }: SegmentsProps<T>) {
  const id = useId();
  return (
    <div className="grid grid-cols-2 gap-0.5 rounded-box border border-line-strong p-px sm:auto-cols-fr sm:grid-flow-col sm:grid-cols-none">
      {options.map((option) => (
        <label key={option.value} className={segment}>
          <input
            type="radio"
            name={id}
            className="sr-only"
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          {option.label}
        </label>
      ))}
    </div>
  );
}
