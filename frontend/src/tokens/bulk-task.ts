import { useSyncExternalStore } from "react";
import type { ApiToken, TokenFilter } from "../wire";
import type { Move } from "./tokens";

/** The tokens that a bulk change is for. */
export type BulkTarget = { ids: string[] } | { filter: TokenFilter };

/** A bulk change that the user asked for. */
export interface BulkTask {
  move: Move;
  target: BulkTarget;
  /** Why, for a suspend or a revoke. */
  reason?: string;
  /** Tokens that were on screen, to name them in the report. */
  known: ReadonlyMap<string, ApiToken>;
  /** The id of a row that gets the focus afterwards. */
  row?: string;
  /** Whether it undoes another one. It then begins at once. */
  undoes?: boolean;
  /** Called when its dialog closes after the change began, with the tokens it has covered and whether these are all. */
  onRun?: (covered: string[], whole: boolean) => void;
}

let task: BulkTask | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Opens the dialog of a bulk change, or closes it. It belongs to no page, so that Undo works on all of them. */
export function setBulkTask(next: BulkTask | undefined) {
  task = next;
  for (const listener of listeners) listener();
}

export const useBulkTask = () => useSyncExternalStore(subscribe, () => task);
