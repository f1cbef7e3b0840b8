/** How far the server's clock is ahead of this one, in milliseconds. What ends and begins does so by the server's. */
let ahead = 0;

/** The Date of an answer has whole seconds, and the answer was under way: what is less may be no difference. */
const noise = 3_000;

/** Learns the server's time from the Date header of an answer to a request that was sent and answered at instants of this clock. */
export function hearTime(date: string | null, sent: number, answered: number) {
  const server = Date.parse(date ?? "") + 500;
  if (Number.isNaN(server) || answered - sent > noise) return;
  const difference = server - (sent + answered) / 2;
  ahead = Math.abs(difference) < noise ? 0 : difference;
}

/** The server's time in milliseconds, as far as it is known. */
export const serverNow = () => Date.now() + ahead;
