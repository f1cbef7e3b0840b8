import { call, callForOne, type One } from "../api";
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

export const useEnvironmentPage = () => useList<Environment>([...environmentsKey, "page"], "/environment");

/** Changes the environment with this id, or creates one if it is undefined. */
export function useSaveEnvironment(id: string | undefined) {
  const environments = useCreator<One<Environment>>("/environment");
  return useChange(
    async (details: EnvironmentDetails) =>
      (
        await (id === undefined
          ? environments.send(details)
          : call<One<Environment>>("PUT", pathOf(id), { details }))
      ).details,
    environmentsKey,
  );
}

export function useDeleteEnvironment(id: string) {
  return useChange(
    (revoke: boolean) =>
      callForOne<Environment>("DELETE", pathOf(id), {
        query: { revoke_api_tokens: revoke ? "true" : undefined },
      }),
    environmentsKey,
  );
}
