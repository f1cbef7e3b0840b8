interface ProgressProps {
  /** The id of its name. */
  labelledBy: string;
  percent: number;
  className?: string;
}

export function Progress({ labelledBy, percent, className = "" }: ProgressProps) {
  return (
    <div
      role="progressbar"
      aria-labelledby={labelledBy}
      aria-valuenow={percent}
      className={`rounded-box bg-line ${className}`}
    >
      {/* A border, since forced colours remove backgrounds. */}
      <div
        style={{ width: `${percent}%` }}
        className="rounded-box border-t-2 border-accent transition-[width] duration-500"
      />
    </div>
  );
}
