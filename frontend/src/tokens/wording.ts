import { relativeTime } from "../ui/time-text";
import type { ApiToken, Environment } from "../wire";

const day = 86_400_000;

/** Milliseconds before its end from which on a token says that it is about to expire. */
export const soon = 14 * day;

/** What a token is to people: expiry ends one too, although the server has no status for that. */
export type TokenState = "active" | "suspended" | "expired" | "revoked";

export const stateWords: Record<TokenState, string> = {
  active: "Active",
  suspended: "Suspended",
  expired: "Expired",
  revoked: "Revoked",
};

export function stateOf(token: ApiToken, now: number): TokenState {
  if (token.status !== "revoked" && Date.parse(token.expires_at) <= now) return "expired";
  return token.status;
}

/** Whether the token can never be accepted again. */
export function hasEnded(state: TokenState): boolean {
  return state === "expired" || state === "revoked";
}

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

/** Who revoked the token, to follow "Revoked 3 days ago"; null if that is not known. */
export function revokerText(token: ApiToken): string | null {
  if (!token.revoked_at) return null;
  if (token.revoked_by_api_token_id === token.id) return "by its holder";
  if (token.revoked_by_name) return `by ${token.revoked_by_name}`;
  if (token.revoked_by_api_token_id) return "by a deleted token";
  return token.revoked_by_admin_user_id ? "by a removed user" : "on the server";
}

/** What an environment is for, where its name does not say so already. */
export function purposeNote({ name, purpose }: Pick<Environment, "name" | "purpose">): string | undefined {
  const word = purpose.charAt(0).toUpperCase() + purpose.slice(1);
  return word === name ? undefined : word;
}

/** Whether the end of a token that still works is near enough to say so. */
export function isEndingSoon(token: ApiToken, now: number): boolean {
  return !hasEnded(stateOf(token, now)) && Date.parse(token.expires_at) - now <= soon;
}
