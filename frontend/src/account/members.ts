import { call, type One } from "../api";
import { useChange, useList } from "../requests";
import type { AdminUser } from "../wire";

const membersKey = ["members"];

export const useMembers = () => useList<AdminUser>(membersKey, "/admin_user");

/** How a sentence names a person: the name, else the email. */
export const memberTitle = ({ name, email }: AdminUser) => name ?? email;

/** Removes a member; resolves with how many of their tokens were revoked. */
export function useRemoveMember(member: AdminUser) {
  return useEnding<boolean>(member, "remove", (revoke) => ({ details: { revoke_api_tokens: revoke } }));
}

/** Revokes all live tokens that a member made; resolves with how many these were. */
export function useRevokeTokensOf(member: AdminUser) {
  return useEnding<void>(member, "revoke_api_tokens", () => ({ body: {} }));
}

function useEnding<W>(
  { id }: AdminUser,
  action: string,
  send: (what: W) => { details?: object; body?: object },
) {
  const path = `/admin_user/${encodeURIComponent(id)}/${action}`;
  return useChange(
    async (what: W) =>
      (await call<One<AdminUser> & { revoked_api_token_count: number }>("POST", path, send(what)))
        .revoked_api_token_count,
    membersKey,
  );
}
