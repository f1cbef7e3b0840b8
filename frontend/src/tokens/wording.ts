import { relativeTime } from "../ui/time-text";
import type { ApiToken, Environment } from "../wire";

const day = 86_400_000;

/** Milliseconds before its end from which on a token says that it is about to expire. */
export const soon = 14 * day;

export const statusWords = { active: "Active", suspended: "Suspended", revoked: "Revoked" } as const;

/** What the token opens, as shown in its row. */
export function scopeText(token: ApiToken): string {
  switch (token.token_scope) {
    case "account":
      return "Account";
    case "environment":
      return `Environment (${token.environment_name ?? token.environment_id ?? "unknown"})`;
    case "agent_deployment":
      return `Agent deployment (${token.agent_name ?? token.agent_id ?? "unknown"} · ${token.environment_name ?? token.environment_id ?? "unknown"})`;
  }
}

/** How a sentence names the token: its own name, else scope and last characters. */
export function tokenTitle(token: ApiToken): string {
  return token.name ? `“${token.name}” (…${token.hint})` : `${scopeText(token)} …${token.hint}`;
}

/** "It was last used 5 minutes ago." or that it never was. */
export function lastUseText(token: ApiToken, now: number): string {
  return token.last_used_at
    ? `It was last used ${relativeTime(Date.parse(token.last_used_at), now)}.`
    : "It has never been used.";
}

/** Who made the token. The program's own command line has no user and no token to name. */
export function makerText(token: ApiToken): string {
  if (token.created_by_name) return `Created by ${token.created_by_name}`;
  const made = token.created_by_admin_user_id ?? token.created_by_api_token_id;
  return made ? "Created by a removed user" : "Created on the server";
}

/** What an environment is for, where its name does not say so already. */
export function purposeNote({ name, purpose }: Pick<Environment, "name" | "purpose">): string | undefined {
  const word = purpose.charAt(0).toUpperCase() + purpose.slice(1);
  return word === name ? undefined : word;
}

export type Expiring = "far" | "soon" | "past";

/** Whether the end of a token deserves attention. A revoked one has ended already. */
export function expiring(token: ApiToken, now: number): Expiring {
  const left = Date.parse(token.expires_at) - now;
  if (left <= 0) return "past";
  return left <= soon && token.status !== "revoked" ? "soon" : "far";
}
