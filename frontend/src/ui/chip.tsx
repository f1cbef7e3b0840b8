import { X } from "lucide-react";

interface ChipProps {
  text: string;
  onRemove: () => void;
}

/** A condition that a click removes. */
export function Chip({ text, onRemove }: ChipProps) {
  return (
    <button
      type="button"
      aria-label={`Remove filter: ${text}`}
      onClick={onRemove}
      className="inline-flex h-7 max-w-full min-w-0 sm:max-w-90 items-center gap-1 rounded-box border border-line-strong bg-raised pr-1.5 pl-2 text-small transition-colors hover:bg-hover pointer-coarse:h-10"
    >
      <span className="truncate">{text}</span>
      <X aria-hidden className="size-3.5 shrink-0 text-soft" />
    </button>
  );
}
