import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, callForOne, type One } from "../api";
import { useChange, useOne } from "../requests";
import type { AdminUser, Webhook } from "../wire";

const keyOf = (account: string): QueryKey => ["account", account, "webhook"];
const pathOf = (account: string) => `/account/${encodeURIComponent(account)}/webhook`;

export const useWebhook = (account: string) => useOne<Webhook>(keyOf(account), pathOf(account));

/** A change whose answer is the webhook. It keeps no cache of the answer, which may hold the secret. */
function useWebhookChange<D>(account: string, request: (what: D) => Promise<Webhook>) {
  const client = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: request,
    onSuccess: (webhook) => client.setQueryData(keyOf(account), webhook),
    // It may have been carried out although its answer was lost.
    onError: () => client.invalidateQueries({ queryKey: keyOf(account) }),
  });
}

type Answer = One<Webhook> & { secret?: string };

/** Sets the URL. `secret` is that of a new webhook, once. It does not become the mutation's result. */
export function useSetWebhook(account: string) {
  const [secret, setSecret] = useState<string>();
  const request = useWebhookChange(account, async (details: { url: string }) => {
    const answer = await call<Answer>("PUT", pathOf(account), { details });
    setSecret(answer.secret);
    return answer.details;
  });
  return { request, secret };
}

/** As useSetWebhook, for a new secret. */
export function useReplaceSecret(account: string) {
  const [secret, setSecret] = useState<string>();
  const request = useWebhookChange(account, async () => {
    const answer = await call<Answer>("POST", `${pathOf(account)}/replace_secret`);
    setSecret(answer.secret);
    return answer.details;
  });
  return { request, secret };
}

export const useTestWebhook = (account: string) =>
  useWebhookChange(account, () => callForOne<Webhook>("POST", `${pathOf(account)}/test`));

export const useDeleteWebhook = (account: string) =>
  useChange((_ticked: boolean) => callForOne<Webhook>("DELETE", pathOf(account)), keyOf(account));

const ownKey = (user: string): QueryKey => ["members", user];
const ownPath = (user: string) => `/admin_user/${encodeURIComponent(user)}`;

/** Whether the user gets mail. */
export const useExpiryMail = (user: string) => useOne<AdminUser>(ownKey(user), ownPath(user));

export function useChangeExpiryMail(user: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (expiry_mail: boolean) =>
      callForOne<AdminUser>("PUT", ownPath(user), { details: { expiry_mail } }),
    onSuccess: (member) => client.setQueryData(ownKey(user), member),
    onError: () => client.invalidateQueries({ queryKey: ownKey(user) }),
  });
}
