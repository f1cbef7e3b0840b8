interface ToggleProps {
  label: string;
  /** Follows the label if there is room. */
  more?: string;
  /** Follows both; undefined until it is known. */
  amount: number | undefined;
  /** Whether an amount above 0 asks for attention. */
  alarming?: boolean;
  pressed: boolean;
  onToggle: () => void;
}

/** A quiet button that stays pressed, with an amount. */
export function Toggle({ label, more, amount, alarming = false, pressed, onToggle }: ToggleProps) {
  const number = amount?.toLocaleString("en");
  const look = !amount
    ? ""
    : `font-medium ${alarming ? "text-warn" : "text-ink group-aria-pressed:text-current"}`;
  return (
    <button
      type="button"
      aria-pressed={pressed}
      aria-label={[label, more, number].filter(Boolean).join(" ")}
      onClick={onToggle}
      className="group inline-flex h-7 items-center gap-1.5 rounded-box border border-line px-2 text-small whitespace-nowrap text-soft transition-colors hover:bg-hover hover:text-ink aria-pressed:border-accent-ink aria-pressed:bg-accent-soft aria-pressed:text-accent-ink pointer-coarse:h-10"
    >
      <span>
        {label}
        {more && <span className="max-lg:hidden"> {more}</span>}
      </span>
      <span className={look}>{number}</span>
    </button>
  );
}
