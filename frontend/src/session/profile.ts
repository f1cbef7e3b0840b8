import { useMutation, useQueryClient } from "@tanstack/react-query";
import { callForOne } from "../api";
import { useChange, useList } from "../requests";
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
    mutationFn: (details: ProfileChange) =>
      callForOne<AdminUser>("PUT", `/admin_user/${encodeURIComponent(id)}`, { details }),
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

/** Changes the password and ends all other sessions. Both passwords are forgotten with the form. */
export function useChangePassword() {
  const client = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: (details: { current_password: string; new_password: string }) =>
      callForOne<Session>("POST", "/session/password", { details }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: sessionsKey });
    },
  });
}

/** The user's own live sessions, newest seen first. */
export const useOwnSessions = () => useList<AdminSession>(sessionsKey, "/session/all", {});

export function useEndSession() {
  return useChange(
    (id: string) => callForOne<AdminSession>("DELETE", `/session/${encodeURIComponent(id)}`),
    sessionsKey,
  );
}

/** Ends all sessions of the user but this one; resolves with how many these were. */
export function useEndOthers() {
  return useChange(
    () => callForOne<{ count: number }>("POST", "/session/end_others", { body: {} }),
    sessionsKey,
  );
}
