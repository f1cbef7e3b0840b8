import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { ApiError, callForOne, isRefusal } from "../api";
import { useChange, useList } from "../requests";
import type { AdminSession, AdminUser, Session } from "../wire";
import { sessionKey } from "./session";

const sessionsKey = ["own-sessions"];

export function useChangeProfile(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (details: { name?: string; job_title?: string | null }) =>
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

const changedBefore =
  "is wrong. Most likely your earlier try has changed it to the new one, and its answer was lost";

/** Changes the password and ends all other sessions. No cache keeps either password. */
export function useChangePassword() {
  const client = useQueryClient();
  const lost = useRef(false);
  return useMutation({
    gcTime: 0,
    mutationFn: async (details: { current_password: string; new_password: string }) => {
      try {
        return await callForOne<Session>("POST", "/session/password", { details });
      } catch (error) {
        if (!isRefusal(error)) lost.current = true;
        else if (lost.current && error.fields.current_password) {
          const { status, code, message } = error;
          throw new ApiError(status, code, message, { current_password: [changedBefore] });
        }
        throw error;
      }
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: sessionsKey });
    },
  });
}

export const useOwnSessions = () => useList<AdminSession>(sessionsKey, "/session/all", {});

/** Takes it for a success that there is nothing left to end: another tab may have ended it. */
export const ended = (request: Promise<unknown>) =>
  request.catch((error) => {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  });

export function useEndSession() {
  return useChange(
    (id: string) => ended(callForOne<AdminSession>("DELETE", `/session/${encodeURIComponent(id)}`)),
    sessionsKey,
  );
}

/** Ends all sessions of the user except this one. Resolves with their number. */
export function useEndOthers() {
  return useChange(
    () => callForOne<{ count: number }>("POST", "/session/end_others", { body: {} }),
    sessionsKey,
  );
}
