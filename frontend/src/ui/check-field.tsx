import { type ReactNode, useId } from "react";

interface CheckFieldProps {
  label: ReactNode;
  hint?: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

/** A tick box with its sentence; the whole of it can be clicked. */
export function CheckField({ label, hint, checked, onChange }: CheckFieldProps) {
  const id = useId();
  return (
    <div className="flex gap-2.5 rounded-box border border-line-strong px-3 py-2.5 has-checked:border-accent-ink has-focus-visible:outline-2 has-focus-visible:outline-accent-ink">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5 size-4 shrink-0 accent-accent outline-none"
      />
      <div className="min-w-0 flex-1">
        <label htmlFor={id} className="block font-medium wrap-anywhere">
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} className="text-small text-soft">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}
