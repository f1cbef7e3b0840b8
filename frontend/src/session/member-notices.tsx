import { useMutation, useQueryClient } from "@tanstack/react-query";
import { TriangleAlert, X } from "lucide-react";
import { callForOne } from "../api";
import { IconButton } from "../ui/button";
import { isolate } from "../ui/isolate";
import { TextLink } from "../ui/text-link";
import { Time } from "../ui/time";
import { announceFailed } from "../ui/toast";
import type { MemberNotice, Session } from "../wire";
import { ended } from "./profile";
import { sessionKey } from "./session";

/** What was changed for the user by others, until they dismiss it. */
export default function MemberNotices({ notices }: { notices: MemberNotice[] }) {
  const client = useQueryClient();
  const dismiss = useMutation({
    mutationFn: ({ id }: MemberNotice) =>
      ended(callForOne<MemberNotice>("DELETE", `/session/notice/${encodeURIComponent(id)}`)),
    onSuccess: (_, { id }) => {
      client.setQueryData<Session>(
        sessionKey,
        (session) => session && { ...session, notices: session.notices.filter((one) => one.id !== id) },
      );
      document.getElementById("content")?.focus();
    },
    onError: (error) => announceFailed(error, "The notice was not dismissed."),
  });
  return (
    <ul aria-label="Changes of your access" className="mb-4 grid gap-2">
      {notices.map((notice) => (
        <li
          key={notice.id}
          className="flex items-start gap-2.5 rounded-box border border-warn/30 bg-warn-soft py-1.5 pr-1.5 pl-3"
        >
          <TriangleAlert aria-hidden className="mt-1.5 size-4 shrink-0 text-warn" />
          <p className="min-w-0 flex-1 py-1 wrap-anywhere">
            {happened(notice)} <Time at={notice.inserted_at} past /> {byText(notice)}.{" "}
            {notice.kind === "role_changed" ? (
              "Ask an admin if you did not expect this."
            ) : (
              <>
                If you did not expect this,{" "}
                <TextLink href="/profile">check your sessions and password</TextLink>.
              </>
            )}
          </p>
          <IconButton name="Dismiss" small onClick={() => dismiss.mutate(notice)}>
            <X aria-hidden className="size-3.5" />
          </IconButton>
        </li>
      ))}
    </ul>
  );
}

function happened({ kind, role }: MemberNotice): string {
  if (kind === "password_changed") return "Your password was changed";
  if (kind === "role_changed") return `You were made ${role === "admin" ? "an admin" : "a viewer"}`;
  return "Sessions of yours were ended";
}

function byText({ by_name, by_oneself, address }: MemberNotice): string {
  if (by_oneself) return `in another session${address ? ` from ${address}` : ""}`;
  if (by_name === null) return "on the command line of the server";
  return `by ${isolate(by_name)}${address ? ` from ${address}` : ""}`;
}
