import { useMutation, useQueryClient } from "@tanstack/react-query";
import { callForOne, type One } from "../api";
import { useCreator } from "../once";
import { useChange, useList } from "../requests";
import type { AdminUserInvite, Role } from "../wire";

const invitesKey = ["invites"];

const pathOf = (id: string) => `/admin_user_invite/${encodeURIComponent(id)}`;

export const useInvites = () => useList<AdminUserInvite>(invitesKey, "/admin_user_invite");

export interface Invited {
  invite: AdminUserInvite;
  mailSent: boolean;
  /** Whether the mail may arrive although the mail server has not taken it. */
  mailMayArrive: boolean;
}

type Answer = One<AdminUserInvite> & { mail_sent: boolean; mail_may_arrive: boolean };

export function useInvite() {
  const client = useQueryClient();
  const invites = useCreator<Answer>("/admin_user_invite");
  return useMutation({
    // The response holds a link that works as a credential, so it is forgotten with the dialog.
    gcTime: 0,
    mutationFn: async (details: { email: string; role: Role }): Promise<Invited> => {
      const {
        details: made,
        mail_sent: mailSent,
        mail_may_arrive: mailMayArrive,
      } = await invites.send(details);
      // A repeated request gets the first response without the link.
      const invite = made.invite_url ? made : await callForOne<AdminUserInvite>("GET", pathOf(made.id));
      return { invite, mailSent, mailMayArrive };
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: invitesKey });
    },
  });
}

export function useRevokeInvite(id: string) {
  return useChange(
    () => callForOne<AdminUserInvite>("POST", `${pathOf(id)}/revoke`, { body: {} }),
    invitesKey,
  );
}
