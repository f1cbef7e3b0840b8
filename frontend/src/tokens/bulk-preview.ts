import { type QueryKey, useQuery } from "@tanstack/react-query";
import { callForOne, callForPart } from "../api";
import type { ApiToken, TokenBulk, TokenBulkResult, TokenFilter } from "../wire";
import { dryRuns } from "./bulk-run";
import type { BulkTarget } from "./bulk-task";
import { type Move, tokensKey } from "./tokens";

/** The path of bulk changes. */
export const bulkPath = "/api_token/bulk";

/** The numbers of tokens that a bulk change covers. */
export type Counts = Pick<
  TokenBulkResult,
  "matched" | "active" | "suspended" | "expired" | "revoked" | "applicable"
> & { /** Ids without a token. */ missing: number };

const zero: Counts = {
  matched: 0,
  active: 0,
  suspended: 0,
  expired: 0,
  revoked: 0,
  applicable: 0,
  missing: 0,
};

async function preview(move: Move, target: BulkTarget, signal: AbortSignal): Promise<Counts> {
  const counts = { ...zero };
  for (const details of dryRuns(move, target)) {
    const part = await callForOne<TokenBulkResult>("POST", bulkPath, { details, signal });
    counts.missing += (details.ids?.length ?? part.matched) - part.matched;
    for (const name of ["matched", "active", "suspended", "expired", "revoked", "applicable"] as const) {
      counts[name] += part[name];
    }
  }
  return counts;
}

/** Leaves out tokens that are created from now on. It asks for the newest one, since clocks differ. */
async function withoutLater(filter: TokenFilter, signal: AbortSignal): Promise<TokenFilter> {
  const query = { ...filter, sorting: "-inserted_at" };
  const { summaries } = await callForPart<ApiToken>("/api_token", 0, 1, query, signal);
  const newest = Date.parse(summaries[0]?.inserted_at ?? "1970-01-01");
  return { ...filter, created_before: new Date(newest + 1).toISOString() };
}

/** Counts what a bulk change of all that match would do. `version` changes if the answer may be another one. */
export const usePreview = (move: Move, filter: TokenFilter, enabled: boolean, version: number) =>
  useCounts(["bar", move, filter, version], enabled, (signal) => preview(move, { filter }, signal));

/** Counts what a bulk change would do, without doing it. `target` of the answer covers what was counted, and nothing later. */
export const useQuestion = (move: Move, asked: BulkTarget, enabled: boolean) =>
  useCounts([move, asked], enabled, async (signal) => {
    const target = "filter" in asked ? { filter: await withoutLater(asked.filter, signal) } : asked;
    return { ...(await preview(move, target, signal)), target };
  });

function useCounts<T>(key: QueryKey, enabled: boolean, counts: (signal: AbortSignal) => Promise<T>) {
  return useQuery({
    queryKey: [...tokensKey, "bulk", ...key],
    queryFn: ({ signal }) => counts(signal),
    // Each one scans tokens, and as a change it would keep an idle session alive.
    refetchInterval: false,
    refetchOnWindowFocus: false,
    gcTime: 0,
    enabled,
  });
}

/** Some of the tokens, and why they are skipped. */
export interface Share {
  amount: number;
  /** Their states. */
  of: string;
  skipped?: string;
}

const skip = (amount: number, of: string, skipped: string): Share => ({ amount, of, skipped });

/** How a bulk change affects the tokens of each state. */
export function sharesOf(move: TokenBulk["action"], counts: Counts): Share[] {
  const { active, suspended, expired, revoked, applicable, missing } = counts;
  return sharesBy(move, { active, suspended, expired, revoked, applicable })
    .concat(skip(missing, "deleted", "no longer there"))
    .filter(({ amount }) => amount > 0);
}

function sharesBy(move: TokenBulk["action"], counts: Omit<Counts, "matched" | "missing">): Share[] {
  const { active, suspended, expired, revoked, applicable } = counts;
  switch (move) {
    case "suspend": {
      // Every active token can be suspended, so the other ones have expired.
      const ended = Math.min(Math.max(applicable - active, 0), expired);
      return [
        { amount: active, of: "active" },
        { amount: ended, of: "expired" },
        skip(suspended, "suspended", "already suspended"),
        skip(expired - ended, "expired", "already suspended"),
        skip(revoked, "revoked", "revoking is final"),
      ];
    }
    case "activate": {
      const [both, why] =
        suspended === 0
          ? ["expired", "not suspended"]
          : expired === 0
            ? ["suspended", "agent retired"]
            : ["suspended or expired", "not suspended, or agent retired"];
      const shares =
        applicable === suspended + expired
          ? [
              { amount: suspended, of: "suspended" },
              { amount: expired, of: "expired" },
            ]
          : [{ amount: applicable, of: both }, skip(suspended + expired - applicable, both, why)];
      return [
        ...shares,
        skip(active, "active", "already active"),
        skip(revoked, "revoked", "revoking is final"),
      ];
    }
    case "revoke":
      return [
        { amount: active, of: "active" },
        { amount: suspended, of: "suspended" },
        { amount: expired, of: "expired" },
        skip(revoked, "revoked", "already revoked"),
      ];
    case "delete":
      return [
        { amount: revoked, of: "revoked" },
        skip(active, "active", "not revoked"),
        skip(suspended, "suspended", "not revoked"),
        skip(expired, "expired", "not revoked"),
      ];
  }
}
