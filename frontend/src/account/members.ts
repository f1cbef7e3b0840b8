import { call, callForOne, type One } from "../api";
import { searched, useChange, useList } from "../requests";
import { isolate } from "../ui/isolate";
import type { AdminUser, Role } from "../wire";

const membersKey = ["members"];

export const useMembers = (search: string) => useList<AdminUser>(membersKey, "/admin_user", searched(search));

/** How a sentence names a person: the name, else the email. */
export const memberTitle = ({ name, email }: AdminUser) => isolate(name ?? email);

export interface Removal {
  /** Whether the member's tokens were revoked. */
  revoke: boolean;
  /** The number of tokens revoked. */
  count: number;
}

/** Resolves with the number of tokens revoked. */
async function end(id: string, action: string, body: { details?: object; body?: object }): Promise<number> {
  const path = `/admin_user/${encodeURIComponent(id)}/${action}`;
  const answer = await call<One<AdminUser> & { revoked_api_token_count: number }>("POST", path, body);
  return answer.revoked_api_token_count;
}

/** Removes a member and, if asked, revokes their tokens. */
export function useRemoveMember(id: string) {
  return useChange(async (revoke: boolean): Promise<Removal> => {
    return { revoke, count: await end(id, "remove", { details: { revoke_api_tokens: revoke } }) };
  }, membersKey);
}

/** Changes the role of a member and, if asked, revokes their tokens. */
export function useSetRole(id: string, role: Role) {
  return useChange(async (revoke: boolean): Promise<Removal> => {
    const details = { role, ...(revoke ? { revoke_api_tokens: true } : {}) };
    return { revoke, count: await end(id, "set_role", { details }) };
  }, membersKey);
}

/** Ends all sessions of a member. Resolves with their number. */
export function useEndSessionsOf(id: string) {
  return useChange(
    () =>
      callForOne<{ count: number }>("POST", `/admin_user/${encodeURIComponent(id)}/end_sessions`, {
        body: {},
      }),
    membersKey,
  );
}

/** Ends all sessions of all members but this one. Resolves with their number. */
export function useEndAllSessions(account: string) {
  return useChange(
    () =>
      callForOne<{ count: number }>("POST", `/account/${encodeURIComponent(account)}/end_sessions`, {
        body: {},
      }),
    membersKey,
  );
}

/** Revokes all active and suspended tokens of a member. */
export function useRevokeTokensOf(id: string) {
  return useChange(() => end(id, "revoke_api_tokens", { body: {} }), membersKey);
}
