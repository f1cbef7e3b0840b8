import type { TokenBulk, TokenBulkOutcome, TokenBulkResult } from "../wire";
import type { BulkTarget, BulkTask } from "./bulk-task";

/** The most ids that the API takes at once. */
const batch = 500;

/** What a bulk change did so far. */
export interface BulkRun {
  done: string[];
  skipped: TokenBulkOutcome[];
  /** The tokens that it covers, as far as known. */
  total: number;
  /** Where it goes on: the number of ids sent, or a cursor. */
  at: number | string;
  /** Whether it has covered all. */
  whole: boolean;
}

export const notBegun = (total: number): BulkRun => ({ done: [], skipped: [], total, at: 0, whole: false });

export const handledBy = ({ done, skipped }: BulkRun) => done.length + skipped.length;

/** The tokens that it has covered. */
export const idsOf = ({ done, skipped }: BulkRun) => [...done, ...skipped.map(({ id }) => id)];

/** The details of the next batch. */
export function nextBatch({ move, target, reason }: BulkTask, { at }: BulkRun): TokenBulk {
  const deed = { action: move, ...(reason && { reason }) };
  if ("ids" in target) return { ...deed, ids: target.ids.slice(Number(at), Number(at) + batch) };
  return { ...deed, ...target, ...(typeof at === "string" && { after: at }) };
}

/** Adds the answer to a batch. */
export function advanced({ target }: BulkTask, run: BulkRun, answer: TokenBulkResult): BulkRun {
  const done = answer.results.filter(({ outcome }) => outcome === "done").map(({ id }) => id);
  const next = {
    done: [...run.done, ...done],
    skipped: [...run.skipped, ...answer.results.filter(({ outcome }) => outcome === "skipped")],
  };
  if ("ids" in target) {
    const at = Math.min(Number(run.at) + batch, target.ids.length);
    return { ...next, total: target.ids.length, at, whole: at === target.ids.length };
  }
  const { next: after, matched } = answer;
  // Others may have changed tokens in the meantime. The counts cover this batch and the rest.
  const total = after === null ? next.done.length + next.skipped.length : handledBy(run) + matched;
  return { ...next, total, at: after ?? run.at, whole: after === null };
}

/** The requests that count what a bulk change would do. */
export function dryRuns(move: TokenBulk["action"], target: BulkTarget): TokenBulk[] {
  if ("filter" in target) return [{ action: move, ...target, dry_run: true }];
  const parts: TokenBulk[] = [];
  for (let at = 0; at < target.ids.length; at += batch) {
    parts.push({ action: move, ids: target.ids.slice(at, at + batch), dry_run: true });
  }
  return parts;
}
