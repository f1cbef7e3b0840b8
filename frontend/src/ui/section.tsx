import { type ReactNode, useId } from "react";

interface SectionProps {
  /** For links to it. */
  id?: string;
  title: string;
  text?: ReactNode;
  action?: ReactNode;
  children?: ReactNode;
}

export function Section({ id: place, title, text, action, children }: SectionProps) {
  const id = useId();
  return (
    <section id={place} aria-labelledby={id} className="mt-8 scroll-mt-16">
      <div className="mb-3 flex flex-wrap items-end justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <h2 id={id} className="text-large font-semibold">
            {title}
          </h2>
          {text && <p className="text-soft">{text}</p>}
        </div>
        {action}
      </div>
      {children}
    </section>
  );
}
