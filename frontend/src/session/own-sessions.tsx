import { MonitorSmartphone } from "lucide-react";
import { Badge } from "../ui/badge";
import { Bars } from "../ui/bar";
import { Button } from "../ui/button";
import { count } from "../ui/count";
import { List, timeColumn } from "../ui/list";
import { buttonId, focusOfRow } from "../ui/row-menu";
import { Section } from "../ui/section";
import { TimeFact } from "../ui/time";
import { utcTime } from "../ui/time-text";
import { announce, announceFailed } from "../ui/toast";
import type { AdminSession } from "../wire";
import { browserName } from "./browser-name";
import { useEndOthers, useEndSession, useOwnSessions } from "./profile";
import { useSignOut } from "./session";

const tellFailure = (error: unknown) => announceFailed(error, "The session was not ended.");

export function OwnSessions() {
  const list = useOwnSessions();
  const end = useEndSession();
  const endOthers = useEndOthers();
  const signOut = useSignOut();
  const others = (list.pagination?.item_count ?? 0) > 1;

  function endOne(session: AdminSession) {
    if (session.current) {
      signOut.mutate(undefined, { onError: tellFailure });
      return;
    }
    // The pressed button disappears with its row.
    const focus = focusOfRow(session.id);
    end.mutate(session.id, {
      onSuccess: () => {
        announce("Session ended.");
        focus()?.focus();
      },
      onError: tellFailure,
    });
  }

  return (
    <Section
      title="Sessions"
      text="Where you are signed in now."
      action={
        others && (
          <Button
            busy={endOthers.isPending}
            onClick={() =>
              endOthers.mutate(undefined, {
                onSuccess: (ended) => {
                  announce(`${count(ended.count, "other session")} ended.`);
                  document
                    .getElementById(buttonId(list.items?.find(({ current }) => current)?.id ?? ""))
                    ?.focus();
                },
                onError: (error) => announceFailed(error, "The other sessions were not ended."),
              })
            }
          >
            End all others
          </Button>
        )
      }
    >
      <List
        name="Sessions"
        list={list}
        columns={[
          {
            head: "Session",
            skeleton: <Bars lines={["w-40", "w-56 mt-1 h-4"]} />,
            cell: (session) => <SessionCell session={session} />,
          },
          timeColumn("Last seen", "w-40", "sm", "last_seen_at"),
          {
            head: "Actions",
            width: "w-26",
            buttons: true,
            cell: (session) => (
              <Button
                size="small"
                id={buttonId(session.id)}
                busy={session.current ? signOut.isPending : end.isPending && end.variables === session.id}
                className="-my-1"
                aria-label={
                  session.current
                    ? "Sign out of this session"
                    : // One browser may have several.
                      `End the session of ${browserName(session.user_agent)}, signed in ${utcTime(Date.parse(session.inserted_at))}`
                }
                onClick={() => endOne(session)}
              >
                {session.current ? "Sign out" : "End"}
              </Button>
            ),
          },
        ]}
        empty={{
          icon: MonitorSmartphone,
          title: "No sessions on this page",
          text: "Your sessions are listed here until they end.",
        }}
      />
    </Section>
  );
}

function SessionCell({ session }: { session: AdminSession }) {
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
        <span className="line-clamp-2 min-w-0 font-medium" title={session.user_agent}>
          {browserName(session.user_agent)}
        </span>
        {session.current && <Badge tone="good">This session</Badge>}
      </div>
      <p className="mt-1 flex flex-wrap gap-x-3 gap-y-1 text-small text-soft">
        <span>{session.address}</span>
        <TimeFact said="Signed in" at={session.inserted_at} />
        <TimeFact said="Last seen" className="sm:hidden" at={session.last_seen_at} />
      </p>
    </>
  );
}
