import { type ReactNode, useState } from "react";
import { Notice } from "../ui/notice";

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

/** Whether the browser keeps cookies of this site. Chromium's navigator.cookieEnabled is true also if it blocks them. */
function keepsCookies(): boolean {
  function isThere(seconds: number) {
    // biome-ignore lint/suspicious/noDocumentCookie: browsers have the Cookie Store API only over https
    document.cookie = `tokentab_probe=1; Max-Age=${seconds}; SameSite=Lax`;
    return document.cookie.includes("tokentab_probe=");
  }
  return isThere(60) && !isThere(0);
}

/** The head and the content of a page without sign-in. */
export function Entrance({ title, text, children }: EntranceProps) {
  const [canStay] = useState(keepsCookies);
  return (
    <>
      <Brand />
      <h1 className="text-title font-semibold wrap-anywhere">{title}</h1>
      {text && <p className="mt-1 text-soft">{text}</p>}
      <div className="mt-6">
        {!canStay && (
          <Notice tone="bad" className="mb-4">
            This browser blocks cookies of this site, so it can’t stay signed in. Allow them, then reload the
            page.
          </Notice>
        )}
        {children}
      </div>
    </>
  );
}
