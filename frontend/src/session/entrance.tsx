import type { ReactNode } from "react";

export const Brand = () => (
  <div className="mb-6 flex items-center gap-2 font-semibold">
    <img src="/favicon.svg" alt="" className="size-6" />
    Tokentab
  </div>
);

interface EntranceProps {
  title: ReactNode;
  text?: ReactNode;
  children: ReactNode;
}

/** The head and the content of a page without sign-in. */
export function Entrance({ title, text, children }: EntranceProps) {
  return (
    <>
      <Brand />
      <h1 className="text-title font-semibold wrap-anywhere">{title}</h1>
      {text && <p className="mt-1 text-soft">{text}</p>}
      <div className="mt-6">{children}</div>
    </>
  );
}
