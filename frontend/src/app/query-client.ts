import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError, isSignedOut, pollInterval } from "../api";
import { forgetSession, sessionKey } from "../session/session";
import type { Session } from "../wire";

/** Milliseconds between two polls while the server tells what changes: for what it does not tell, such as time passing. */
const rareInterval = 60_000;

let isTold = false;

/** Says whether the server tells what changes. Otherwise queries poll often. */
export function setTold(told: boolean) {
  isTold = told;
}

/** Servers that start or are busy are worth a retry. Refusals are final. */
function worthRetrying(failures: number, error: Error): boolean {
  return failures < 1 && error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

export function createQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: onFailure }),
    mutationCache: new MutationCache({ onError: onFailure }),
    defaultOptions: {
      // A local server answers even if the browser considers itself offline.
      queries: {
        networkMode: "always",
        refetchInterval: () => {
          if (!client.getQueryData<Session>(sessionKey)?.admin_user) return false;
          return isTold ? rareInterval : pollInterval;
        },
        refetchOnWindowFocus: "always",
        refetchOnReconnect: "always",
        retry: worthRetrying,
        retryDelay: 500,
      },
      mutations: { networkMode: "always" },
    },
  });
  function onFailure(error: Error) {
    if (isSignedOut(error)) forgetSession(client);
  }
  return client;
}
