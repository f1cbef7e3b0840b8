import type { ReactNode } from "react";

const dots = {
  good: "bg-good",
  running: "bg-accent-ink",
  bad: "bg-bad-ink",
  paused: "border-2 border-warn bg-transparent",
  waiting: "border-2 border-accent-ink bg-transparent",
  ended: "border-2 border-soft bg-transparent",
};

export type BadgeTone = keyof typeof dots;

/** A status: the word carries the meaning, the dot helps to scan. */
export function Badge({ tone, children }: { tone: BadgeTone; children: ReactNode }) {
  return (
    <span className="inline-flex min-h-5 shrink-0 items-center gap-1.5 rounded-box border border-line px-1.5 text-small font-medium">
      <span aria-hidden data-dot={tone} className={`size-2 rounded-full ${dots[tone]}`} />
      {/* Browsers that translate replace texts. React still changes one that is alone in its element. */}
      <span>{children}</span>
    </span>
  );
}
