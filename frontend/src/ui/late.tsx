import { type ComponentType, lazy, useEffect, useState } from "react";
import { call, messageOf } from "../api";
import { Notice } from "./notice";
import { announceFailure } from "./toast";

const missing = "This could not be loaded. Check that Tokentab runs and that you are connected.";

/**
 * A component whose code loads when it is first needed. If that fails, a page says so in its place; what opens above a page
 * has a `close`, which then gets its props. The next time it is needed, it loads again.
 */
export function late<P extends object>(
  load: () => Promise<{ default: ComponentType<P> }>,
  close?: (props: P) => void,
) {
  const again = () =>
    lazy<ComponentType<P>>(() =>
      load().catch(() => {
        if (close) announceFailure(`${missing} Then reload the page.`);
        return { default: Missing };
      }),
    );
  let Code = again();
  function Missing(props: P) {
    useEffect(() => {
      Code = again();
      close?.(props);
    });
    return close ? null : (
      <>
        <h1 className="mb-4 text-title font-semibold">Page not loaded</h1>
        <Notice tone="bad" onRetry={reload}>
          {missing}
        </Notice>
      </>
    );
  }
  return (props: P) => {
    const [Now] = useState(() => Code);
    return <Now {...props} />;
  };
}

/** Many browsers never load a file again that failed once, and after an update it is gone. */
function reload() {
  call("GET", "/session").then(
    () => window.location.reload(),
    (error) => announceFailure(messageOf(error)),
  );
}
