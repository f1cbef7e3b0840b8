import { call, type One } from "../api";
import { useCreator } from "../once";
import { useChange, useList } from "../requests";
import type { Environment, EnvironmentPurpose } from "../wire";

/** The first part of every list of environments, so that a change reloads them all. */
const environmentsKey = ["environments"];

interface EnvironmentDetails {
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

export const useEnvironmentPage = () =>
  useList<Environment>([...environmentsKey, "page"], "/environment", { sorting: "inserted_at" });

/** Changes the environment with this id, or creates one if it is undefined. */
export function useSaveEnvironment(id: string | undefined) {
  const environments = useCreator<One<Environment>>("/environment");
  return useChange(
    async (details: Partial<EnvironmentDetails>) =>
      (
        await (id === undefined
          ? environments.send(details)
          : call<One<Environment>>("PUT", pathOf(id), { details }))
      ).details,
    environmentsKey,
  );
}

/** Unless it may revoke tokens, the server refuses to delete an environment that is in use. */
export function useDeleteEnvironment(id: string) {
  return useChange(
    (revoke: boolean) =>
      call<One<Environment> & { revoked_api_token_count: number }>("DELETE", pathOf(id), {
        query: { if_unused: revoke ? undefined : "true" },
      }),
    environmentsKey,
  );
}
