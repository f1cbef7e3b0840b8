import { useEffect, useState } from "react";

/** Seconds left of a wait that the server asked for; starts anew with every attempt. */
export function useCountdown(seconds: number | null, attempt: number): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (seconds === null || attempt === 0) {
      setLeft(0);
      return;
    }
    setLeft(seconds);
    const timer = setInterval(() => setLeft((before) => Math.max(0, before - 1)), 1_000);
    return () => clearInterval(timer);
  }, [seconds, attempt]);
  return left;
}
