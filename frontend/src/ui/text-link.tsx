import type { ReactNode } from "react";
import { Link } from "wouter";

/** A link within a sentence. */
export function TextLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Link href={href} className="text-accent-ink underline underline-offset-3">
      {children}
    </Link>
  );
}
