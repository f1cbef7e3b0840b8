import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call, callForPage, type One } from "../api";
import type { AdminSession, AdminUser, Session } from "../wire";
import { sessionKey } from "./session";

const sessionsKey = ["own-sessions"];

export interface ProfileChange {
  name: string;
  job_title: string | null;
}

export function useChangeProfile(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (details: ProfileChange) =>
      (await call<One<AdminUser>>("PUT", `/admin_user/${encodeURIComponent(id)}`, { body: { details } }))
        .details,
    onSuccess: ({ name, job_title }) => {
      client.setQueryData<Session>(sessionKey, (session) =>
        session?.admin_user
          ? { ...session, admin_user: { ...session.admin_user, name, job_title } }
          : session,
      );
      void client.invalidateQueries({ queryKey: ["members"] });
    },
  });
}

/** Ends all other sessions of the user. Both passwords are forgotten as soon as the form is. */
export function useChangePassword() {
  const client = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: async (details: { current_password: string; new_password: string }) => {
      await call<One<Session>>("POST", "/session/password", { body: { details } });
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: sessionsKey });
    },
  });
}

/** The user's own live sessions, newest seen first. */
export function useOwnSessions(page: number, pageSize: number) {
  return useQuery({
    queryKey: [...sessionsKey, page],
    queryFn: ({ signal }) => callForPage<AdminSession>("/session/all", page, pageSize, {}, signal),
    placeholderData: keepPreviousData,
  });
}

export function useEndSession() {
  return useSessionsMutation((id: string) =>
    call<One<AdminSession>>("DELETE", `/session/${encodeURIComponent(id)}`),
  );
}

/** Resolves with how many sessions that were. */
export function useEndOthers() {
  return useSessionsMutation(
    async () =>
      (await call<One<{ count: number }>>("POST", "/session/end_others", { body: {} })).details.count,
  );
}

function useSessionsMutation<T, R>(request: (what: T) => Promise<R>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: request,
    onSettled: () => client.invalidateQueries({ queryKey: sessionsKey }),
  });
}
