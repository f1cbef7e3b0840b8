import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { callForOne, forgetAnswers } from "../api";
import type { Invite, Session, SessionUser, SetUp, SignIn } from "../wire";

export const sessionKey = ["session"];

/** Who is signed in to which account, and what the page has to know about this server. */
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

/** Another user, or none: nothing that was loaded for the last one stays. */
function replaceSession(client: QueryClient, session: Session) {
  forgetAccount(client);
  client.setQueryData(sessionKey, session);
}

/** Drops all that was loaded but the session. What is still on screen would load it again. */
export function forgetAccount(client: QueryClient) {
  forgetAnswers();
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== sessionKey[0] });
}

const signIn = (details: SignIn) => callForOne<Session>("POST", "/session", { details });

/* All of them forget at once what was sent: the query library else keeps it, and it holds a password. */

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

/** What an invite is for. The code is this component's alone: a query would keep the answer under a key. */
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

/** Asks again who is signed in, after something that shows in the session was changed. */
export function useRefreshSession() {
  const client = useQueryClient();
  return () => void client.invalidateQueries({ queryKey: sessionKey });
}

/** Follows the end of the session that some other call brought about. */
export function useSessionEnded() {
  const client = useQueryClient();
  return async () => {
    forgetSession(client);
    replaceSession(client, await callForOne<Session>("GET", "/session"));
  };
}
