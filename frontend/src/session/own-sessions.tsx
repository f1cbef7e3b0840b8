import { MonitorSmartphone } from "lucide-react";
import { isSignedOut, messageOf } from "../api";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { count } from "../ui/count";
import { Bar, EmptyList, ListFrame } from "../ui/list-frame";
import { pageSize, usePage } from "../ui/pager";
import { Section } from "../ui/section";
import { Time } from "../ui/time";
import { announce, announceFailure } from "../ui/toast";
import type { AdminSession } from "../wire";
import { browserName } from "./browser-name";
import { useEndOthers, useEndSession, useOwnSessions } from "./profile";
import { useSignOut } from "./session";

/** Says that ending a session failed, unless the page shows already that nobody is signed in any more. */
function tellFailure(error: unknown) {
  if (!isSignedOut(error)) announceFailure(`The session goes on. ${messageOf(error)}`);
}

const endButtonId = (session: AdminSession | undefined) => `end-${session?.id}`;

/** Where the user is signed in, and how to end that. */
export function OwnSessions() {
  const [page, setPage] = usePage();
  const sessions = useOwnSessions(page, pageSize);
  const end = useEndSession();
  const endOthers = useEndOthers();
  const signOut = useSignOut();
  const items = sessions.data?.summaries;
  const others = (sessions.data?.pagination.item_count ?? 0) > 1;

  function endOne(session: AdminSession) {
    if (session.current) {
      signOut.mutate(undefined, { onError: tellFailure });
      return;
    }
    const at = items?.indexOf(session) ?? -1;
    const neighbour = items?.[at + 1] ?? items?.[at - 1];
    end.mutate(session.id, {
      onSuccess: () => {
        announce("Session ended.");
        // The button that was pressed goes away with its row.
        document.getElementById(endButtonId(neighbour))?.focus();
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
                  announce(`${count(ended, "other session")} ended.`);
                  document.getElementById(endButtonId(items?.find(({ current }) => current)))?.focus();
                },
                onError: tellFailure,
              })
            }
          >
            End all others
          </Button>
        )
      }
    >
      <ListFrame
        name="Sessions"
        items={items}
        failure={sessions.error ? messageOf(sessions.error) : null}
        onRetry={() => void sessions.refetch()}
        pages={{ pagination: sessions.data?.pagination, page, onPage: setPage }}
        head={
          <tr>
            <th scope="col" className="px-4 py-2 font-medium">
              Session
            </th>
            <th scope="col" className="hidden w-40 px-4 py-2 font-medium sm:table-cell">
              Last seen
            </th>
            <th scope="col" className="w-26 px-3">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        }
        skeleton={
          <>
            <td className="px-4 py-3">
              <Bar className="w-40" />
              <div className="mt-1 h-4 leading-4">
                <Bar className="w-56" />
              </div>
            </td>
            <td className="hidden px-4 py-3 align-top sm:table-cell">
              <Bar className="w-20" />
            </td>
            <td />
          </>
        }
        row={(session) => (
          <SessionRow
            key={session.id}
            session={session}
            busy={session.current ? signOut.isPending : end.isPending && end.variables === session.id}
            onEnd={() => endOne(session)}
          />
        )}
        empty={
          <EmptyList
            icon={<MonitorSmartphone aria-hidden className="size-6" />}
            title="No sessions on this page"
            text="Every browser that you signed in with is listed until its session ends."
            action={null}
          />
        }
      />
    </Section>
  );
}

function SessionRow({ session, busy, onEnd }: { session: AdminSession; busy: boolean; onEnd: () => void }) {
  const name = browserName(session.user_agent);
  return (
    <tr>
      <td className="px-4 py-3 align-top">
        <div className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
          <span className="line-clamp-2 min-w-0 font-medium wrap-anywhere" title={session.user_agent}>
            {name}
          </span>
          {session.current && <Badge tone="good">This session</Badge>}
        </div>
        <p className="mt-1 flex flex-wrap gap-x-3 gap-y-1 text-small text-soft">
          <span className="wrap-anywhere">{session.address}</span>
          <span>
            Signed in <Time at={session.inserted_at} />
          </span>
          <span className="sm:hidden">
            Last seen <Time at={session.last_seen_at} />
          </span>
        </p>
      </td>
      <td className="hidden px-4 py-3 align-top text-soft sm:table-cell">
        <Time at={session.last_seen_at} />
      </td>
      <td className="px-3 py-3 text-right align-top">
        <Button
          size="small"
          id={endButtonId(session)}
          busy={busy}
          className="-my-1"
          aria-label={session.current ? "Sign out of this session" : `End the session of ${name}`}
          onClick={onEnd}
        >
          {session.current ? "Sign out" : "End"}
        </Button>
      </td>
    </tr>
  );
}
