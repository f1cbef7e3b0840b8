import { count } from "../ui/count";
import type { TokenBulkOutcome } from "../wire";
import type { Counts } from "./bulk-preview";
import type { BulkRun } from "./bulk-run";
import type { BulkTask } from "./bulk-task";
import type { Move } from "./tokens";

interface BulkText {
  verb: string;
  /** While it runs. */
  ing: string;
  /** After it. */
  ed: string;
  /** What happens to the tokens. */
  means: string;
}

export const bulkTexts: Record<Move, BulkText> = {
  suspend: {
    verb: "Suspend",
    ing: "Suspending",
    ed: "suspended",
    means: "They are refused at once, until you activate them.",
  },
  activate: {
    verb: "Activate",
    ing: "Activating",
    ed: "activated",
    means: "They are accepted again at once.",
  },
  revoke: {
    verb: "Revoke",
    ing: "Revoking",
    ed: "revoked",
    means:
      "They stop working at once, and revoking is final. Tokens that they created keep working unless you revoke them too.",
  },
  delete: {
    verb: "Delete",
    ing: "Deleting",
    ed: "deleted",
    means: "They leave the list, and deleting is final. They are already revoked, so nothing stops working.",
  },
};

/** The token was left as it is for this reason. */
const reasons: Record<string, string> = {
  already_active: "already active",
  already_suspended: "already suspended",
  already_revoked: "already revoked",
  agent_retired: "its agent is retired",
  not_revoked: "not revoked",
  no_longer_matches: "changed or used just now, and no longer matches",
  not_found: "deleted by someone else",
};

export function reasonText({ reason, message }: TokenBulkOutcome): string {
  return reasons[reason ?? ""] ?? message ?? "not changed";
}

/** The skipped tokens by reason, the most frequent one first: "3 already suspended". */
export function reasonsText(skipped: TokenBulkOutcome[]): string {
  const amounts = new Map<string, number>();
  for (const outcome of skipped) {
    const text = reasonText(outcome);
    amounts.set(text, (amounts.get(text) ?? 0) + 1);
  }
  return [...amounts]
    .sort(([, a], [, b]) => b - a)
    .map(([text, amount]) => `${amount.toLocaleString("en")} ${text}`)
    .join("; ");
}

/** "12 tokens", or "12 of 20 tokens". */
export function someOf(amount: number, total: number): string {
  return amount === total
    ? count(total, "token")
    : `${amount.toLocaleString("en")} of ${count(total, "token")}`;
}

export function askTitle({ move }: BulkTask, counts: Counts | undefined): string {
  const { verb } = bulkTexts[move];
  if (!counts) return `${verb} tokens?`;
  if (counts.applicable === 0) return `Nothing to ${verb.toLowerCase()}`;
  return `${verb} ${someOf(counts.applicable, counts.matched + counts.missing)}?`;
}

export const runTitle = ({ move }: BulkTask, { total }: BulkRun) =>
  `${bulkTexts[move].ing} ${count(total, "token")}…`;

/** What is known of a change that ended. */
export function resultText({ move }: BulkTask, { done, total }: BulkRun): string {
  const { ed } = bulkTexts[move];
  return done.length > 0 ? `${someOf(done.length, total)} ${ed}` : `No tokens ${ed}`;
}

export function reportTitle(task: BulkTask, run: BulkRun, failed: boolean, unsettled: boolean): string {
  if (unsettled) return "Interrupted";
  const result = resultText(task, run);
  return run.whole ? result : `${failed ? "Interrupted" : "Stopped"}: ${result.toLowerCase()}`;
}
