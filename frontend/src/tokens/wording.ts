import { isolate } from "../ui/isolate";
import { relativeTime } from "../ui/time-text";
import type { ApiToken, Environment } from "../wire";

const day = 86_400_000;

/** Milliseconds before the expiry from which a row warns. */
export const soon = 14 * day;

/** The status, or expired, for which the server has no status. */
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

export function hasEnded(state: TokenState): boolean {
  return state === "expired" || state === "revoked";
}

export function scopeText(token: ApiToken): string {
  const environment = isolate(token.environment_name ?? token.environment_id ?? "unknown");
  switch (token.token_scope) {
    case "account":
      return "Account";
    case "environment":
      return `Environment (${environment})`;
    case "agent_deployment":
      return `Agent deployment (${isolate(token.agent_name ?? token.agent_id ?? "unknown")} · ${environment})`;
  }
}

/** A text and the last characters of the secret that it is about, unless it was imported without them. */
export const withEnd = (text: string, { hint }: { hint: string }) =>
  hint ? `${text} …${hint}`.trim() : text;

/** The token in a sentence: its name, else its scope, with its last characters. */
export function tokenTitle(token: ApiToken): string {
  const end = withEnd("", token);
  return token.name
    ? `“${isolate(token.name)}”${end && ` (${end})`}`
    : `${scopeText(token)} token ${end || token.id}`;
}

/** "It was last used 5 minutes ago." or "It has never been used." */
export function lastUseText(token: Pick<ApiToken, "last_used_at">, now: number): string {
  return token.last_used_at
    ? `It was last used ${relativeTime(Date.parse(token.last_used_at), now)}.`
    : "It has never been used.";
}

/** Whether a new token has not been used yet, but may be any moment. */
export function awaitsFirstUse(token: ApiToken, now: number): boolean {
  return !token.last_used_at && stateOf(token, now) === "active" && now - Date.parse(token.inserted_at) < day;
}

/** Tokens of the command line have no creator. */
export function makerText(token: ApiToken): string {
  if (token.created_by_name) return `Created by ${isolate(token.created_by_name)}`;
  const made = token.created_by_admin_user_id ?? token.created_by_api_token_id;
  return made ? "Created by a former member" : "Created on the server";
}

/** Follows "Revoked 3 days ago" or "Suspended 3 days ago"; null if unknown. */
export function changerText(token: ApiToken, change: "revoked" | "suspended" = "revoked"): string | null {
  if (!token[`${change}_at`]) return null;
  const by = token[`${change}_by_api_token_id`];
  const name = token[`${change}_by_name`];
  if (by === token.id) return "by its holder";
  if (name) return `by ${isolate(name)}`;
  if (by) return "by a deleted token";
  return token[`${change}_by_admin_user_id`] ? "by a former member" : "on the server";
}

/** The purpose of an environment, unless its name says so. */
export function purposeNote({ name, purpose }: Pick<Environment, "name" | "purpose">): string | undefined {
  const word = purpose.charAt(0).toUpperCase() + purpose.slice(1);
  return word === name ? undefined : word;
}

export function isEndingSoon(token: ApiToken, now: number): boolean {
  return !hasEnded(stateOf(token, now)) && Date.parse(token.expires_at) - now <= soon;
}
