import { useMutation, useQueryClient } from "@tanstack/react-query";
import { callForOne } from "../api";
import type { Invite, Session, SessionUser, SetUp, SignIn } from "../wire";
import { forgetAccount, sessionKey, useEntrance } from "./session";

/* The ways to a session. gcTime 0 as in session.ts. */

const signIn = (details: SignIn) => callForOne<Session>("POST", "/session", { details });

export const useSignIn = () => useEntrance(signIn);

/** Signs in on the page of an ended session. The same user keeps the page and its input; for another, data reloads. */
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

/** Loads an invite. A query would keep the code in its key. */
export function useInvite(code: string) {
  return useMutation({
    gcTime: 0,
    mutationFn: () => callForOne<Invite>("POST", "/invite/show", { details: { code } }),
  });
}

export const useAcceptInvite = () =>
  useEntrance((details: { code: string; name: string; password: string }) =>
    callForOne<Session>("POST", "/invite/accept", { details }),
  );

export const useSetup = () =>
  useEntrance(async (details: SetUp) => {
    try {
      return await callForOne<Session>("POST", "/setup", { details });
    } catch (error) {
      // It may have been carried out now or by an earlier try, whose answer was lost.
      const session = await callForOne<Session>("GET", "/session").catch(() => undefined);
      if (!session || session.setup_required) throw error;
      return session;
    }
  });
