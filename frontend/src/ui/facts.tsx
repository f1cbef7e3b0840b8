import type { ReactNode } from "react";
import { Bar } from "./bar";

/** Named values below each other, such as all that is known about an account. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className="divide-y divide-line rounded-box border border-line">{children}</dl>;
}

/** `children` is undefined until it is known. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="grid gap-x-4 gap-y-0.5 px-4 py-3 sm:grid-cols-[176px_minmax(0,1fr)]">
      <dt className="text-soft">{name}</dt>
      <dd className="min-h-5 min-w-0 wrap-anywhere">{children ?? <Bar className="w-48" />}</dd>
    </div>
  );
}

/** What a fact says that was never told. */
export function Unknown({ children = "Not set" }: { children?: ReactNode }) {
  return <span className="text-soft">{children}</span>;
}
