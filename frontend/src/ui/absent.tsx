import { type ReactNode, useEffect, useRef } from "react";
import { ApiError } from "../api";
import { Failure } from "./notice";
import { PageHeader } from "./page";

/** Says whether the server does not have what was asked for. For an address that no id can have, it answers 422. */
export function isMissing(error: Error | null) {
  return error instanceof ApiError && (error.status === 404 || error.status === 422);
}

interface AbsentProps {
  title: string;
  /** The title of the browser tab. */
  tabTitle: string;
  /** What could not be loaded; without it, it is missing. */
  failed?: Parameters<typeof Failure>[0]["of"] | false;
  /** The way back. */
  back: ReactNode;
  /** What is said of what is missing. */
  children: ReactNode;
}

/** A page whose thing is missing or could not be loaded. A dialog that was open with the thing is gone, so the focus stays on the page. */
export function Absent({ title, tabTitle, failed, back, children }: AbsentProps) {
  const focused = useRef(document.activeElement);
  useEffect(() => {
    if (focused.current?.isConnected === false) document.getElementById("content")?.focus();
  }, []);
  return (
    <>
      {back}
      <PageHeader title={title} tabTitle={tabTitle} />
      {failed ? (
        <Failure of={failed} className="mt-4" />
      ) : (
        <p role="alert" className="mt-4 text-soft">
          {children}
        </p>
      )}
    </>
  );
}
