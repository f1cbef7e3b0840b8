import type { ReactNode } from "react";
import { FirstShown } from "../ui/first-shown";

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

/** The frame of pages without sign-in. */
export function Entrance({ title, text, children }: EntranceProps) {
  return (
    <main className="mx-auto flex min-h-full max-w-96 flex-col px-4 pt-[12vh] pb-10">
      <FirstShown />
      <Brand />
      <h1 className="text-title font-semibold wrap-anywhere">{title}</h1>
      {text && <p className="mt-1 text-soft">{text}</p>}
      <div className="mt-6">{children}</div>
    </main>
  );
}
