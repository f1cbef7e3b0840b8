import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, callForPage, type One } from "../api";
import { Creator } from "../once";
import type { Environment, EnvironmentPurpose } from "../wire";

/** Shared with every other list of environments, so that all of them follow a change. */
const environmentsKey = ["environments"];

/** What a person says about an environment. */
export interface EnvironmentDetails {
  name: string;
  purpose: EnvironmentPurpose;
  description: string | null;
}

export const environmentPurposes: { value: EnvironmentPurpose; label: string }[] = [
  { value: "development", label: "Development" },
  { value: "staging", label: "Staging" },
  { value: "testing", label: "Testing" },
  { value: "production", label: "Production" },
];

const pathOf = (id: string) => `/environment/${encodeURIComponent(id)}`;

/** One page of the account's environments, newest first. */
export function useEnvironmentPage(page: number, pageSize: number) {
  return useQuery({
    queryKey: [...environmentsKey, "page", page],
    queryFn: ({ signal }) =>
      callForPage<Environment>("/environment", page, pageSize, { sorting: "-inserted_at" }, signal),
    placeholderData: keepPreviousData,
  });
}

/** Changes the environment with this id, or makes a new one where there is none. */
export function useSaveEnvironment(id: string | undefined) {
  const [creator] = useState(() => new Creator<One<Environment>>("/environment"));
  return useEnvironmentMutation((details: EnvironmentDetails) =>
    id === undefined
      ? creator.send(details)
      : call<One<Environment>>("PUT", pathOf(id), { body: { details } }),
  );
}

export function useDeleteEnvironment() {
  return useEnvironmentMutation(({ id, revoke }: { id: string; revoke: boolean }) =>
    call<One<Environment>>("DELETE", pathOf(id), {
      query: { revoke_api_tokens: revoke ? "true" : undefined },
    }),
  );
}

function useEnvironmentMutation<T>(request: (what: T) => Promise<One<Environment>>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (what: T) => (await request(what)).details,
    onSettled: () => client.invalidateQueries({ queryKey: environmentsKey }),
  });
}
