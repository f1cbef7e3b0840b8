import type { FormEvent, ReactNode } from "react";
import { FirstShown } from "../ui/first-shown";
import { Notice } from "../ui/notice";

interface FrameProps {
  title: ReactNode;
  text?: ReactNode;
  children: ReactNode;
}

/** The frame of the pages that are open to strangers. */
export function EntranceFrame({ title, text, children }: FrameProps) {
  return (
    <main className="mx-auto flex min-h-full max-w-96 flex-col px-4 pt-[12vh] pb-10">
      <FirstShown />
      <div className="mb-6 flex items-center gap-2 font-semibold">
        <img src="/favicon.svg" alt="" className="size-6" />
        Tokentab
      </div>
      <h1 className="text-title font-semibold wrap-anywhere">{title}</h1>
      {text && <p className="mt-1 text-soft">{text}</p>}
      <div className="mt-6">{children}</div>
    </main>
  );
}

interface EntranceProps extends FrameProps {
  /** What is wrong with the whole form. */
  problem: string | null;
  onSubmit: () => void;
}

/** Such a page with a form that leads in. */
export function Entrance({ problem, onSubmit, children, ...frame }: EntranceProps) {
  return (
    <EntranceFrame {...frame}>
      <form
        noValidate
        className="grid gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        {problem && <Notice tone="bad">{problem}</Notice>}
        {children}
      </form>
    </EntranceFrame>
  );
}
