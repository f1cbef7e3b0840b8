import { CircleAlert, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "./button";

const looks = {
  bad: {
    box: "border-bad/30 bg-bad-soft",
    icon: <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad-ink" />,
  },
  warn: {
    box: "border-warn/30 bg-warn-soft",
    icon: <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-warn" />,
  },
};

/** A boxed message that stays where it concerns something. Bad ones are announced at once. */
export function Notice({
  tone,
  onRetry,
  children,
}: {
  tone: keyof typeof looks;
  /** Offers to try again what failed. */
  onRetry?: () => void;
  children: ReactNode;
}) {
  const look = looks[tone];
  return (
    <div
      role={tone === "bad" ? "alert" : undefined}
      className={`flex items-start gap-2.5 rounded-box border px-3 py-2.5 ${look.box}`}
    >
      {look.icon}
      <div className="min-w-0 flex-1 wrap-anywhere">{children}</div>
      {onRetry && (
        <Button className="-my-1" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
