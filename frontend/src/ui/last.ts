import { useRef } from "react";

/** The last value that there was: a dialog that closes still needs what it was about, for its focus. */
export function useLast<T>(value: T | undefined): T | undefined {
  const last = useRef(value);
  if (value !== undefined) last.current = value;
  return value ?? last.current;
}
