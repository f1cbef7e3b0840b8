import { useMutation, useQueryClient } from "@tanstack/react-query";
import { callForOne } from "../api";
import { useOne } from "../requests";
import type { Account, AccountContents, AccountPurpose } from "../wire";

export interface AccountChange {
  name: string;
  purpose: AccountPurpose;
  organisation_name: string | null;
  website: string | null;
}

export const purposes: { value: AccountPurpose; label: string }[] = [
  { value: "business", label: "Business" },
  { value: "personal", label: "Personal" },
  { value: "nonprofit", label: "Nonprofit" },
  { value: "education", label: "Education" },
  { value: "government", label: "Government" },
];

const pathOf = (id: string) => `/account/${encodeURIComponent(id)}`;

export const useAccount = (id: string) => useOne<Account>(["account", id], pathOf(id));

export function useChangeAccount(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (details: Partial<AccountChange>) => callForOne<Account>("PUT", pathOf(id), { details }),
    onSuccess: (account) => {
      client.setQueryData(["account", id], account);
    },
  });
}

/** The contents of the account, which end with it. */
export const useContents = (id: string) =>
  useOne<AccountContents>(["account", id, "contents"], `${pathOf(id)}/contents`);

export function useDeleteAccount(id: string) {
  return useMutation({
    mutationFn: (details: { name: string }) => callForOne<Account>("DELETE", pathOf(id), { details }),
  });
}
