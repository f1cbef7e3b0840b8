import { useSearchParams } from "wouter";
import { addressOf, type Query } from "../api";
import { useList } from "../requests";
import { serverNow } from "../servertime";
import { leavePlace } from "../ui/pager";
import type { AuditEvent } from "../wire";

const hour = 3_600_000;

/** The periods of the filter, by their name in the address. */
export const periods = [
  { value: "24h", label: "Last 24 hours", length: 24 * hour },
  { value: "7d", label: "Last 7 days", length: 7 * 24 * hour },
  { value: "30d", label: "Last 30 days", length: 30 * 24 * hour },
] as const;

type Period = (typeof periods)[number]["value"];

export interface AuditFilter {
  /** Names of actions or kinds, such as api_token.*; empty for all. */
  actions: string[];
  from?: Period;
  /** The id of an admin user or a token. */
  actor?: string;
  subject?: string;
  /** What to search for. */
  q?: string;
}

/** The filter in the address, and its setter, which leads to the first page. */
export function useAuditFilter(): [AuditFilter, (next: AuditFilter, how?: { replace: boolean }) => void] {
  const [address, setAddress] = useSearchParams();
  const filter: AuditFilter = {
    actions: address.getAll("action").filter(Boolean),
    from: periods.find(({ value }) => value === address.get("from"))?.value,
    actor: address.get("actor") || undefined,
    subject: address.get("subject") || undefined,
    q: address.get("q") || undefined,
  };
  const change = (next: AuditFilter, how?: { replace: boolean }) =>
    setAddress((before) => {
      const after = new URLSearchParams(before);
      leavePlace(after);
      after.delete("action");
      for (const action of next.actions) after.append("action", action);
      for (const name of ["from", "actor", "subject", "q"] as const) {
        if (next[name]) after.set(name, next[name]);
        else after.delete(name);
      }
      return after;
    }, how);
  return [filter, change];
}

const queryOf = ({ actions, actor, subject, q }: AuditFilter) => ({
  action: actions,
  actor,
  subject,
  search: q,
});

/** The part of the query that depends on the time of the request. */
function lateQueryOf({ from }: AuditFilter): Query {
  const length = periods.find(({ value }) => value === from)?.length;
  return length ? { from: startOf(length) } : {};
}

/** The changes in the account, newest first. */
export const useAudit = (filter: AuditFilter) =>
  useList<AuditEvent>(["audit", filter.from], "/audit_event", queryOf(filter), () => lateQueryOf(filter));

/** The address of all changes that match, as JSON Lines. */
export const exportAddress = (filter: AuditFilter) =>
  addressOf("/audit_event/export", { ...queryOf(filter), ...lateQueryOf(filter) });

/** When a period that ends now began. Whole minutes let most polls get 304. */
function startOf(length: number): string {
  const minute = 60_000;
  return new Date(Math.floor((serverNow() - length) / minute) * minute).toISOString();
}
