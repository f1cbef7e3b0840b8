import type { ReactNode } from "react";
import { Bar } from "./bar";

export function Facts({ children }: { children: ReactNode }) {
  return <dl className="divide-y divide-line rounded-box border border-line">{children}</dl>;
}

/** A name and its value. While `children` is undefined, a bar takes its place. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="grid gap-x-4 gap-y-0.5 px-4 py-3 sm:grid-cols-[176px_minmax(0,1fr)]">
      <dt className="text-soft">{name}</dt>
      <dd className="min-h-5 min-w-0 wrap-anywhere">{children ?? <Bar className="w-48" />}</dd>
    </div>
  );
}

export function Unknown({ children = "Not set" }: { children?: ReactNode }) {
  return <span className="text-soft">{children}</span>;
}

interface GridFactsProps {
  /** Classes for the columns of wide windows. */
  className: string;
  children: ReactNode;
}

/** Facts beside each other, two in a row on narrow windows. */
export function GridFacts({ className, children }: GridFactsProps) {
  return (
    <dl
      className={`grid grid-cols-2 gap-px overflow-hidden rounded-box border border-line bg-line ${className}`}
    >
      {children}
    </dl>
  );
}

interface GridFactProps {
  name: string;
  className?: string;
  /** While undefined, a bar takes its place. */
  children: ReactNode;
}

export function GridFact({ name, className = "", children }: GridFactProps) {
  return (
    <div className={`bg-page px-4 py-2.5 ${className}`}>
      <dt className="text-small text-soft">{name}</dt>
      <dd className="min-h-5 min-w-0 wrap-anywhere">{children ?? <Bar className="w-40" />}</dd>
    </div>
  );
}
