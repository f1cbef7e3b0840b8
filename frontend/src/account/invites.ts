import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call, callForPage, type One } from "../api";
import type { AdminUserInvite } from "../wire";

const invitesKey = ["invites"];

/** One page of the account's invites, newest first. */
export function useInvites(page: number, pageSize: number) {
  return useQuery({
    queryKey: [...invitesKey, page],
    queryFn: ({ signal }) =>
      callForPage<AdminUserInvite>("/admin_user_invite", page, pageSize, { sorting: "-inserted_at" }, signal),
    placeholderData: keepPreviousData,
  });
}

/** An invite just made, and whether a mail with its link went out. */
export interface Invited {
  invite: AdminUserInvite;
  mailSent: boolean;
}

export function useInvite() {
  const client = useQueryClient();
  return useMutation({
    // The answer holds a link that lets somebody in: it is not kept longer than the dialog that shows it.
    gcTime: 0,
    mutationFn: async (email: string): Promise<Invited> => {
      const answer = await call<One<AdminUserInvite> & { mail_sent: boolean }>("POST", "/admin_user_invite", {
        body: { details: { email } },
      });
      return { invite: answer.details, mailSent: answer.mail_sent };
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: invitesKey });
    },
  });
}

export function useRevokeInvite() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (invite: AdminUserInvite) =>
      (
        await call<One<AdminUserInvite>>(
          "POST",
          `/admin_user_invite/${encodeURIComponent(invite.id)}/revoke`,
          { body: {} },
        )
      ).details,
    onSettled: () => client.invalidateQueries({ queryKey: invitesKey }),
  });
}
