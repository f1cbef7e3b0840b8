/** How far the server's clock is ahead, in milliseconds. Tokens end by the server's clock. */
let ahead = 0;

/** Smaller differences are noise: Date has whole seconds, and answers take time. */
const noise = 3_000;

/**
 * Learns the server's time from the Date header of an answer. `sent` and `answered` are instants of this clock. A slow
 * answer is less exact than a fast one, and counts only if its delay can't explain the difference from what is known.
 */
export function hearTime(date: string | null, sent: number, answered: number) {
  const server = Date.parse(date ?? "") + 500;
  if (Number.isNaN(server)) return;
  const trip = answered - sent;
  const difference = server - (sent + answered) / 2;
  if (trip > noise && Math.abs(difference - ahead) <= trip / 2 + noise) return;
  ahead = Math.abs(difference) < noise ? 0 : difference;
}

/** The server's time in milliseconds, or this clock's until an answer told it. */
export const serverNow = () => Date.now() + ahead;
