import { describe, expect, test } from "vitest";
import { bulkResult } from "../testing/samples";
import type { TokenBulkResult } from "../wire";
import { type Counts, sharesOf } from "./bulk-preview";
import { advanced, type BulkRun, dryRuns, nextBatch, notBegun } from "./bulk-run";
import type { BulkTask } from "./bulk-task";
import { askTitle, reasonsText, reportTitle } from "./bulk-wording";
import type { Move } from "./tokens";

const many = Array.from({ length: 1_200 }, (_none, at) => `token-${at}`);
const by = (target: BulkTask["target"]): BulkTask => ({ move: "suspend", target, known: new Map() });
const byIds = by({ ids: many });
const byFilter = by({ filter: { state: "active" } });

/** The answers of a server that does everything asked for. */
function follow(task: BulkTask, answers: TokenBulkResult[]): BulkRun[] {
  const runs: BulkRun[] = [];
  let run = notBegun(0);
  for (const answer of answers) {
    run = advanced(task, run, answer);
    runs.push(run);
  }
  return runs;
}

describe("a bulk change", () => {
  test("by ids sends each id once, at most 500 at a time", () => {
    const sent: string[][] = [];
    let run = notBegun(many.length);
    while (!run.whole) {
      const { ids = [] } = nextBatch(byIds, run);
      sent.push(ids);
      run = advanced(byIds, run, bulkResult(ids.map((id) => [id, null])));
    }
    expect(sent.map(({ length }) => length)).toEqual([500, 500, 200]);
    expect(sent.flat()).toEqual(many);
    expect(run.done).toEqual(many);
    expect(dryRuns("suspend", byIds.target).map(({ ids }) => ids?.length)).toEqual([500, 500, 200]);
  });

  test("by filter goes on behind the last batch until there is none", () => {
    const answers = [
      bulkResult(
        [
          ["a", null],
          ["b", "already_suspended"],
        ],
        { matched: 5, next: "b" },
      ),
      bulkResult([["c", null]], { matched: 3, next: "c" }),
      bulkResult([["d", null]], { matched: 1, next: null }),
    ];
    const [first, second, third] = follow(byFilter, answers);
    expect(nextBatch(byFilter, notBegun(5))).toEqual({ action: "suspend", filter: { state: "active" } });
    expect(first && nextBatch(byFilter, first)).toMatchObject({ filter: { state: "active" }, after: "b" });
    expect([first?.total, second?.total, third?.total]).toEqual([5, 5, 4]);
    expect([first?.whole, second?.whole, third?.whole]).toEqual([false, false, true]);
    expect(third?.done).toEqual(["a", "c", "d"]);
    expect(third?.skipped.map(({ id }) => id)).toEqual(["b"]);
  });
});

const none: Counts = {
  matched: 0,
  active: 0,
  suspended: 0,
  expired: 0,
  revoked: 0,
  applicable: 0,
  missing: 0,
};

describe("a preview", () => {
  test.each<[Move, Partial<Counts>, string[]]>([
    [
      "suspend",
      { active: 4, suspended: 3, expired: 2, revoked: 1, applicable: 5 },
      [
        "4 active",
        "1 expired",
        "3 suspended: already suspended",
        "1 expired: already suspended",
        "1 revoked: revoking is final",
      ],
    ],
    [
      "activate",
      { active: 4, suspended: 3, revoked: 1, applicable: 2 },
      [
        "2 suspended",
        "1 suspended: agent retired",
        "4 active: already active",
        "1 revoked: revoking is final",
      ],
    ],
    [
      "activate",
      { suspended: 3, expired: 2, applicable: 4 },
      ["4 suspended or expired", "1 suspended or expired: not suspended, or agent retired"],
    ],
    ["activate", { suspended: 3, expired: 2, applicable: 5 }, ["3 suspended", "2 expired"]],
    ["activate", { expired: 2 }, ["2 expired: not suspended"]],
    [
      "revoke",
      { active: 4, suspended: 3, expired: 2, revoked: 1, applicable: 9, missing: 1 },
      ["4 active", "3 suspended", "2 expired", "1 revoked: already revoked", "1 deleted: no longer there"],
    ],
    [
      "delete",
      { active: 4, suspended: 3, expired: 2, revoked: 1, applicable: 1 },
      ["1 revoked", "4 active: not revoked", "3 suspended: not revoked", "2 expired: not revoked"],
    ],
  ])("of %s with %j says what happens to each state", (move, counts, shares) => {
    const found = sharesOf(move, { ...none, ...counts });
    expect(found.map(({ amount, of, skipped }) => `${amount} ${of}${skipped ? `: ${skipped}` : ""}`)).toEqual(
      shares,
    );
    const all = { ...none, ...counts };
    const total = all.active + all.suspended + all.expired + all.revoked + all.missing;
    expect(found.reduce((sum, { amount }) => sum + amount, 0)).toBe(total);
    const affected = found.filter(({ skipped }) => !skipped);
    expect(affected.reduce((sum, { amount }) => sum + amount, 0)).toBe(all.applicable);
  });

  test.each<[Partial<Counts>, string]>([
    [{ matched: 3, applicable: 3 }, "Suspend 3 tokens?"],
    [{ matched: 1, applicable: 1 }, "Suspend 1 token?"],
    [{ matched: 3, applicable: 2, missing: 1 }, "Suspend 2 of 4 tokens?"],
    [{ matched: 3 }, "Nothing to suspend"],
  ])("%j asks: %s", (counts, title) => {
    expect(askTitle(byIds, { ...none, ...counts })).toBe(title);
  });
});

describe("a report", () => {
  const run = { done: ["a", "b"], skipped: [], total: 3, at: 2, whole: false };
  test.each<[Partial<BulkRun>, boolean, boolean, string]>([
    [{ whole: true, total: 2 }, false, false, "2 tokens suspended"],
    [{ whole: true }, false, false, "2 of 3 tokens suspended"],
    [{ whole: true, done: [] }, false, false, "No tokens suspended"],
    [{}, false, false, "Stopped: 2 of 3 tokens suspended"],
    [{}, true, false, "Interrupted: 2 of 3 tokens suspended"],
    [{}, true, true, "Interrupted"],
  ])("of %j says: %s %s %s", (more, failed, unsettled, title) => {
    expect(reportTitle(byIds, { ...run, ...more }, failed, unsettled)).toBe(title);
  });

  test("counts the reasons, the most frequent one first", () => {
    const { results } = bulkResult([
      ["a", "not_found"],
      ["b", "already_active"],
      ["c", "already_active"],
      ["d", "a_new_one"],
    ]);
    expect(reasonsText(results)).toBe("2 already active; 1 deleted by someone else; 1 The reason.");
  });
});
