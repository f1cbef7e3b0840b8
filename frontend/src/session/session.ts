import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { callForOne, forgetAnswers } from "../api";
import type { Invite, Session, SessionUser, SetUp, SignIn } from "../wire";

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

/** Notes that the server no longer knows us. */
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

const signIn = (details: SignIn) => callForOne<Session>("POST", "/session", { details });

/* No mutation keeps its variables: they hold a password, and the query library would store it. */

export function useSignIn() {
  return useEntrance(signIn);
}

/**
 * Signs in while the page of a session that ended is still mounted. The same user keeps it, with what was typed there;
 * for another user everything is loaded anew.
 */
export function useSignInAgain(before: SessionUser) {
  const client = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: signIn,
    onSuccess: (session) => {
      if (session.admin_user?.id !== before.id) forgetAccount(client);
      client.setQueryData(sessionKey, session);
      void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== sessionKey[0] });
    },
  });
}

/** Loads an invite. Only this component holds the code: a query would keep it in its key. */
export function useInvite(code: string) {
  return useMutation({
    gcTime: 0,
    mutationFn: () => callForOne<Invite>("POST", "/invite/show", { details: { code } }),
  });
}

export function useAcceptInvite() {
  return useEntrance((details: { code: string; name: string; password: string }) =>
    callForOne<Session>("POST", "/invite/accept", { details }),
  );
}

export function useSetup() {
  return useEntrance((details: SetUp) => callForOne<Session>("POST", "/setup", { details }));
}

export function useSignOut() {
  return useEntrance<void>(() => callForOne<Session>("DELETE", "/session"));
}

function useEntrance<T>(enter: (details: T) => Promise<Session>) {
  const client = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: enter,
    onSuccess: (session) => {
      replaceSession(client, session);
    },
  });
}

/** Reloads the session after a change of something that it shows. */
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
