import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call, callForPage, type One } from "../api";
import type { AdminUser } from "../wire";

/** A member that a dialog is about. */
export interface AboutMember {
  member: AdminUser;
  /** Whose row gets the focus should this one's be gone. */
  neighbour: string | undefined;
}

const membersKey = ["members"];

const pathOf = (member: AdminUser) => `/admin_user/${encodeURIComponent(member.id)}`;

/** One page of the account's members, newest first. */
export function useMembers(page: number, pageSize: number) {
  return useQuery({
    queryKey: [...membersKey, page],
    queryFn: ({ signal }) =>
      callForPage<AdminUser>("/admin_user", page, pageSize, { sorting: "-inserted_at" }, signal),
    placeholderData: keepPreviousData,
  });
}

type Ended = One<AdminUser> & { revoked_api_token_count: number };

/** Removes a member; resolves with how many of their tokens were revoked. */
export function useRemoveMember() {
  return useMemberMutation(({ member, revoke }: { member: AdminUser; revoke: boolean }) =>
    call<Ended>("POST", `${pathOf(member)}/remove`, { body: { details: { revoke_api_tokens: revoke } } }),
  );
}

/** Revokes all live tokens that a member made; resolves with how many these were. */
export function useRevokeTokensOf() {
  return useMemberMutation((member: AdminUser) =>
    call<Ended>("POST", `${pathOf(member)}/revoke_api_tokens`, { body: {} }),
  );
}

function useMemberMutation<T>(request: (what: T) => Promise<Ended>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (what: T) => (await request(what)).revoked_api_token_count,
    onSettled: () => client.invalidateQueries({ queryKey: membersKey }),
  });
}
