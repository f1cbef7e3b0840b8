import { CircleAlert, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { messageOf } from "../api";
import { Button } from "./button";

interface NoticeProps {
  tone: "bad" | "warn";
  onRetry?: () => void;
  className?: string;
  children: ReactNode;
}

/** A boxed message that stays. Screen readers announce bad ones at once. */
export function Notice({ tone, onRetry, className = "", children }: NoticeProps) {
  const bad = tone === "bad";
  const Icon = bad ? CircleAlert : TriangleAlert;
  const look = bad ? "border-bad/30 bg-bad-soft" : "border-warn/30 bg-warn-soft";
  return (
    <div
      role={bad ? "alert" : undefined}
      className={`flex items-start gap-2.5 rounded-box border px-3 py-2.5 ${look} ${className}`}
    >
      <Icon aria-hidden className={`mt-0.5 size-4 shrink-0 ${bad ? "text-bad-ink" : "text-warn"}`} />
      <div className="min-w-0 flex-1 wrap-anywhere">{children}</div>
      {onRetry && (
        <Button className="-my-1" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

interface FailureProps {
  of: { error: Error | null; data: unknown; refetch: () => unknown };
  /** Names the failure. Without it, the message says if older data is shown. */
  lead?: string;
  className?: string;
}

/** The failure of a query, with a button to try again; nothing if there is none. */
export function Failure({ of: { error, data, refetch }, lead = "", className }: FailureProps) {
  if (!error) return null;
  return (
    <Notice tone="bad" onRetry={() => void refetch()} className={className}>
      {lead} {messageOf(error)} {!lead && data !== undefined && "The data shown may be out of date."}
    </Notice>
  );
}
