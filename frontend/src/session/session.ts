import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { callForOne, forgetAnswers } from "../api";
import type { Session } from "../wire";

export const sessionKey = ["session"];

/** The signed-in user and account, and the server's settings for the page. */
export function useSession() {
  return useQuery({
    queryKey: sessionKey,
    queryFn: ({ signal }) => callForOne<Session>("GET", "/session", { signal }),
    refetchInterval: false,
    staleTime: 60_000,
  });
}

/** Signs the page out after the server has ended the session. */
export function forgetSession(client: QueryClient) {
  const session = client.getQueryData<Session>(sessionKey);
  if (session?.admin_user) {
    client.setQueryData<Session>(sessionKey, { ...session, admin_user: null, account: null });
  }
}

/** Removes everything loaded for the previous user. */
function replaceSession(client: QueryClient, session: Session) {
  forgetAccount(client);
  client.setQueryData(sessionKey, session);
}

/** Removes all data except the session. Mounted components would load theirs again. */
export function forgetAccount(client: QueryClient) {
  forgetAnswers();
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== sessionKey[0] });
}

/* gcTime 0: the query library keeps a mutation's variables, and these hold a password or a code. */

export const useSignOut = () => useEntrance<void>(() => callForOne<Session>("DELETE", "/session"));

export function useEntrance<T>(enter: (details: T) => Promise<Session>) {
  const client = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: enter,
    onSuccess: (session) => replaceSession(client, session),
  });
}

export function useRefreshSession() {
  const client = useQueryClient();
  return () => void client.invalidateQueries({ queryKey: sessionKey });
}

/** Updates the page after another call ended the session. */
export function useSessionEnded() {
  const client = useQueryClient();
  return async () => {
    forgetSession(client);
    replaceSession(client, await callForOne<Session>("GET", "/session"));
  };
}
