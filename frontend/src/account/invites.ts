import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, callForPage, type One } from "../api";
import { Creator } from "../once";
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
  const [creator] = useState(
    () => new Creator<One<AdminUserInvite> & { mail_sent: boolean }>("/admin_user_invite"),
  );
  return useMutation({
    // The answer holds a link that lets somebody in: it is not kept longer than the dialog that shows it.
    gcTime: 0,
    mutationFn: async (email: string): Promise<Invited> => {
      const { details, mail_sent: mailSent } = await creator.send({ email });
      // The repeated answer of a request whose first one was lost holds no link.
      const invite = details.invite_url ? details : await requestInvite(details.id);
      return { invite, mailSent };
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: invitesKey });
    },
  });
}

async function requestInvite(id: string): Promise<AdminUserInvite> {
  return (await call<One<AdminUserInvite>>("GET", `/admin_user_invite/${encodeURIComponent(id)}`)).details;
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
