import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call, type One } from "../api";
import type { Account, AccountContents, AccountPurpose } from "../wire";

/** What can be changed about an account. */
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

export function useAccount(id: string) {
  return useQuery({
    queryKey: ["account", id],
    queryFn: async ({ signal }) => (await call<One<Account>>("GET", pathOf(id), { signal })).details,
  });
}

export function useChangeAccount(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (details: AccountChange) =>
      (await call<One<Account>>("PUT", pathOf(id), { body: { details } })).details,
    onSuccess: (account) => {
      client.setQueryData(["account", id], account);
    },
  });
}

/** How much goes with the account; asked for when somebody is about to delete it. */
export function useContents(id: string, wanted: boolean) {
  return useQuery({
    queryKey: ["account", id, "contents"],
    queryFn: async ({ signal }) =>
      (await call<One<AccountContents>>("GET", `${pathOf(id)}/contents`, { signal })).details,
    enabled: wanted,
  });
}

export function useDeleteAccount(id: string) {
  return useMutation({
    mutationFn: async (name: string) =>
      (await call<One<Account>>("DELETE", pathOf(id), { body: { details: { name } } })).details,
  });
}
