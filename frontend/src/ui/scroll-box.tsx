import type { ComponentProps } from "react";

/** Scrolls what is in it, also by keyboard. */
export function ScrollBox({ className = "", ...rest }: ComponentProps<"section">) {
  return (
    <section
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it
      tabIndex={0}
      className={`overflow-auto -outline-offset-2 ${className}`}
      {...rest}
    />
  );
}
