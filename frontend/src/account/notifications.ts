import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, callForOne, type One } from "../api";
import { useChange, useOne } from "../requests";
import type { AdminUser, Webhook } from "../wire";

const keyOf = (account: string): QueryKey => ["account", account, "webhook"];
const pathOf = (account: string) => `/account/${encodeURIComponent(account)}/webhook`;

export const useWebhook = (account: string) => useOne<Webhook>(keyOf(account), pathOf(account));

/** A change whose answer is the webhook. It keeps no cache of the answer, which may hold the secret. */
function useWebhookChange<D, A extends { details: Webhook }>(
  account: string,
  request: (what: D) => Promise<A>,
) {
  const client = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: request,
    onSuccess: ({ details }) => client.setQueryData(keyOf(account), details),
    // It may have been carried out although its answer was lost.
    onError: () => client.invalidateQueries({ queryKey: keyOf(account) }),
  });
}

type Answer = One<Webhook> & { secret?: string };

/** A change that may make a secret. That does not become the mutation's result. */
function useSecretChange<D>(account: string, request: (what: D) => Promise<Answer>) {
  const [secret, setSecret] = useState<string>();
  const change = useWebhookChange(account, async (what: D) => {
    const { secret: made, details } = await request(what);
    setSecret(made);
    return { details, hasSecret: made !== undefined };
  });
  return { request: change, secret };
}

/** Sets the URL. `secret` is that of a new webhook, once. */
export const useSetWebhook = (account: string) =>
  useSecretChange(account, (details: { url: string }) => call<Answer>("PUT", pathOf(account), { details }));

export const useReplaceSecret = (account: string) =>
  useSecretChange<void>(account, () => call<Answer>("POST", `${pathOf(account)}/replace_secret`));

export const useTestWebhook = (account: string) =>
  useWebhookChange<void, One<Webhook>>(account, () => call("POST", `${pathOf(account)}/test`));

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
