import { Button, type ButtonProps } from "./button";

interface SendButtonProps extends ButtonProps {
  /** Seconds until the next try is allowed. */
  wait: number;
}

/** The button that sends a request. While it must wait, it counts down and does nothing. */
export const SendButton = ({ busy, wait, look = "primary", onClick, children, ...rest }: SendButtonProps) => (
  <Button
    {...rest}
    look={look}
    busy={busy}
    // A disabled button would lose the focus.
    aria-disabled={busy || wait > 0 || undefined}
    className={wait > 0 ? "opacity-55" : ""}
    onClick={wait > 0 ? undefined : onClick}
  >
    {wait > 0 ? `Try again in ${wait} s` : children}
  </Button>
);
