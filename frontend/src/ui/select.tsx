import { ChevronDown, type LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";

export interface Options<T extends string> {
  options: { value: T; label: string }[];
  value: T;
  onChange: (value: T) => void;
}

type SelectProps<T extends string> = Options<T> & Omit<ComponentProps<"select">, "value" | "onChange">;

/** The browser's own list works best with keyboards and on phones. */
export function Select<T extends string>({ options, onChange, className = "", ...select }: SelectProps<T>) {
  return (
    <>
      <select
        {...select}
        onChange={(event) => {
          const chosen = options.find((option) => option.value === event.target.value);
          if (chosen) onChange(chosen.value);
        }}
        className={`control appearance-none truncate pr-8 ${className}`}
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
  );
}

interface CompactSelectProps<T extends string> extends Options<T> {
  /** Only for screen readers. */
  label: string;
  icon: LucideIcon;
  className?: string;
}

/** A select for a row of buttons. */
export function CompactSelect<T extends string>({
  label,
  icon: Icon,
  className = "",
  ...select
}: CompactSelectProps<T>) {
  return (
    <div className={`relative ${className}`}>
      <Icon
        aria-hidden
        className="pointer-events-none absolute inset-y-0 left-2.5 my-auto size-4 text-soft"
      />
      <Select {...select} aria-label={label} className="w-full pl-8.5" />
    </div>
  );
}
