import { useRef } from "react";

type Mutate<V, A> = (what: V, options: { onSuccess?: (answer: A) => void; onSettled: () => void }) => void;

/**
 * Sends a request unless the one before is still under way. The state of a mutation tells that a tick too late: a double
 * click would send it twice.
 */
export function useSendOnce<V, A>(mutate: Mutate<V, A>) {
  const sending = useRef(false);
  return (what: V, onSuccess?: (answer: A) => void) => {
    if (sending.current) return;
    sending.current = true;
    mutate(what, {
      onSuccess,
      onSettled: () => {
        sending.current = false;
      },
    });
  };
}
