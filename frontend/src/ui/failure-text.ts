import { useEffect, useState } from "react";
import { ApiError, isRefusal, messageOf } from "../api";

/**
 * Whether a request may have been carried out although it failed. Tokentab itself answers 500 or 503 once it is done with
 * one.
 */
const isLost = (error: unknown) =>
  error instanceof ApiError && ![500, 503].includes(error.status) && !isRefusal(error);

/** Whether a request was refused because there is nothing left to do. */
const isDone = (error: unknown) =>
  error instanceof ApiError && (error.status === 404 || error.code === "invalid_action");

const mayBeMade = "Your change may have been made all the same. Try again to find out.";

/**
 * What is known of a failed request that may be tried again; null without a failure. `hint` follows if its answer was lost.
 * `isOver` is whether a later try found the change made.
 */
export function useFailureText(error: Error | null, hint = mayBeMade) {
  const [lost, setLost] = useState(false);
  const isUnknown = isLost(error);
  if (isUnknown && !lost) setLost(true);
  const isOver = lost && isDone(error);
  const more = isUnknown
    ? hint
    : isOver
      ? "Most likely your earlier try did this, and its answer was lost."
      : "";
  return { text: error && `${messageOf(error)} ${more}`.trim(), isOver };
}

/** The seconds until the server allows the next try. Each failed one is a new error. */
export function useWait(error: unknown): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const seconds = error instanceof ApiError ? error.retryAfter : null;
    setLeft(seconds ?? 0);
    if (seconds === null) return;
    const timer = setInterval(() => setLeft((before) => Math.max(0, before - 1)), 1_000);
    return () => clearInterval(timer);
  }, [error]);
  return left;
}
