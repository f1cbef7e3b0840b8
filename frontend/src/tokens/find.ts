import type { Query } from "../api";
import { searchText } from "../ui/search-field";
import type { TokenFilter } from "../wire";
import { stateWords } from "./wording";

/** What to find, by the names in the page's address. An absent condition limits nothing. */
export interface Find {
  q?: string;
  state?: string;
  scope?: string;
  /** Ids. */
  env?: string;
  agent?: string;
  /** A member's id, or "left" for former members. */
  by?: string;
  /** Days. */
  expires?: string;
  /** Days, or "never". */
  unused?: string;
  /** The first and the last day of creation, in UTC. */
  from?: string;
  to?: string;
  sort?: string;
}

export type Filter = Exclude<keyof Find, "q" | "sort">;

const within = (days: number) => [String(days), `Within ${days} days`];
const unusedFor = (days: number) => [String(days), `Unused for ${days} days`];

/** The values of filters with few of them, and their words. */
export const choices: Record<"state" | "scope" | "expires" | "unused", Record<string, string>> = {
  state: { live: "Active or suspended", ...stateWords },
  scope: {
    account: "Account",
    read: "Account, read only",
    environment: "Environment",
    agent_deployment: "Agent deployment",
  },
  expires: Object.fromEntries([7, 14, 30, 90].map(within)),
  unused: { ...Object.fromEntries([7, 30, 90, 365].map(unusedFor)), never: "Never used" },
};

const newest = "-created";

/** The orders of a list: the sorting of the API, and words. */
export const sorts: Record<string, { sorting: string; label: string }> = {
  [newest]: { sorting: "-inserted_at", label: "Created, newest" },
  created: { sorting: "inserted_at", label: "Created, oldest" },
  expires: { sorting: "expires_at", label: "Expires, soonest" },
  "-expires": { sorting: "-expires_at", label: "Expires, latest" },
  "-used": { sorting: "-last_used_at", label: "Last used, newest" },
  used: { sorting: "last_used_at", label: "Last used, oldest" },
  name: { sorting: "name", label: "Name, A to Z" },
  "-name": { sorting: "-name", label: "Name, Z to A" },
};

export const sortOf = ({ sort = newest }: Find) => sort;

const isId = (text: string) => /^(?!0+$)[0-7][0-9a-hjkmnp-tv-z]{31}$/.test(text);

/** Whether a text is a day that tokens may have been created on. */
export function isDay(text: string): boolean {
  const at = Date.parse(text);
  return /^(19[7-9]|[2-8]\d\d)\d-\d\d-\d\d$/.test(text) && new Date(at || 0).toISOString().startsWith(text);
}

/** Whether a condition may have a value. Addresses may name any. */
const checks: Record<keyof Find, (value: string) => boolean> = {
  q: (text) => text !== "",
  state: (value) => Object.hasOwn(choices.state, value),
  scope: (value) => Object.hasOwn(choices.scope, value),
  env: isId,
  agent: isId,
  by: (value) => value === "left" || isId(value),
  expires: (value) => Object.hasOwn(choices.expires, value),
  unused: (value) => Object.hasOwn(choices.unused, value),
  from: isDay,
  to: isDay,
  sort: (value) => Object.hasOwn(sorts, value) && value !== newest,
};

export const filters: Filter[] = ["state", "scope", "env", "agent", "by", "expires", "unused", "from", "to"];

export const conditions: (keyof Find)[] = ["q", ...filters, "sort"];

/** The conditions of an address, except unknown and invalid ones. */
export function readFind(address: URLSearchParams, without: Filter[]): Find {
  const find: Find = {};
  for (const name of conditions) {
    const text = address.get(name) ?? "";
    const value = name === "q" ? searchText(text) : text;
    if (checks[name](value) && !without.some((one) => one === name)) find[name] = value;
  }
  return find;
}

const secondsPerDay = 86_400;
const inSeconds = (days: string | undefined) => (days ? Number(days) * secondsPerDay : undefined);
const ifSo = (condition: boolean) => condition || undefined;

/** The day's first instant, or that of a day some days later. */
const startOf = (day: string, later = 0) =>
  new Date(Date.parse(day) + later * secondsPerDay * 1000).toISOString();

/** The conditions of the API. */
export function filterOf(find: Find): TokenFilter {
  const { q, state, scope, env, agent, by, expires, unused, from, to } = find;
  const left = by === "left";
  const never = unused === "never";
  return {
    // Ellipses alone match all names; the API refuses them where they would change all tokens.
    search: q?.replace(/^…+$/, "") || undefined,
    state: state === "live" ? undefined : (state as TokenFilter["state"]),
    live: ifSo(state === "live"),
    token_scope: scope === "read" ? undefined : (scope as TokenFilter["token_scope"]),
    token_role: scope === "read" ? scope : undefined,
    environment_id: env,
    agent_id: agent,
    created_by_admin_user_id: left ? undefined : by,
    creator_left: ifSo(left),
    expires_within: inSeconds(expires),
    unused_for: never ? undefined : inSeconds(unused),
    never_used: ifSo(never),
    created_after: from && startOf(from),
    created_before: to && startOf(to, 1),
  };
}

/** The query of the API. */
export function queryOf(find: Find): Query {
  const set = Object.entries(filterOf(find)).filter(([, value]) => value !== undefined);
  return {
    sorting: sorts[sortOf(find)]?.sorting,
    ...Object.fromEntries(set.map(([name, value]) => [name, String(value)])),
  };
}
