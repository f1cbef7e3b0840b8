import type { FormEvent, ReactNode } from "react";
import { Notice } from "../ui/notice";

interface EntranceProps {
  title: string;
  text?: ReactNode;
  /** What is wrong with the whole form. */
  problem: string | null;
  onSubmit: () => void;
  children: ReactNode;
}

/** The frame of the two pages that are open to strangers. */
export function Entrance({ title, text, problem, onSubmit, children }: EntranceProps) {
  return (
    <main className="mx-auto flex min-h-full max-w-96 flex-col px-4 pt-[12vh] pb-10">
      <div className="mb-6 flex items-center gap-2 font-semibold">
        <img src="/favicon.svg" alt="" className="size-6" />
        Tokentab
      </div>
      <h1 className="text-title font-semibold">{title}</h1>
      {text && <p className="mt-1 text-soft">{text}</p>}
      <form
        noValidate
        className="mt-6 grid gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        {problem && <Notice tone="bad">{problem}</Notice>}
        {children}
      </form>
    </main>
  );
}
