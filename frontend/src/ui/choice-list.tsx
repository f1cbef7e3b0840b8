import type { ReactNode } from "react";
import { Bar } from "./bar";

/** A framed list of choices, which scrolls if it is long. */
export function ChoiceList({
  className = "max-h-50",
  children,
}: {
  className?: string;
  children: ReactNode;
}) {
  const look = "divide-y divide-line overflow-y-auto rounded-box border border-line-strong";
  return <div className={`${look} ${className}`}>{children}</div>;
}

interface ChoiceProps {
  type: "radio" | "checkbox";
  name?: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  note?: string;
  children: ReactNode;
}

export function Choice({ type, name, checked, onChange, note, children }: ChoiceProps) {
  return (
    <label className="flex min-h-9 cursor-pointer items-center gap-2.5 px-3 py-1.5 hover:bg-hover has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent-ink pointer-coarse:min-h-11">
      <input
        type={type}
        name={name}
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
        className="size-3.5 shrink-0 accent-accent outline-none"
      />
      {/* A note without room beside the choice goes below it. */}
      <span className="flex min-w-0 flex-1 flex-wrap items-baseline gap-x-2.5">
        <span className="min-w-0 flex-auto wrap-anywhere">{children}</span>
        {note && <span className="text-small text-soft">{note}</span>}
      </span>
    </label>
  );
}

/** A placeholder as high as a choice. */
export function ChoicePlaceholder() {
  return (
    <div className="flex h-9 items-center px-3">
      <Bar className="w-28" />
    </div>
  );
}
