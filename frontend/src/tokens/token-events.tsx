import { History } from "lucide-react";
import { Bars } from "../ui/bar";
import { EventDetail } from "../ui/event-detail";
import { isolate } from "../ui/isolate";
import { List, type Listing, timeColumn } from "../ui/list";
import { Section } from "../ui/section";
import { Time } from "../ui/time";
import type { ApiTokenEvent } from "../wire";

type Action = Extract<ApiTokenEvent["action"], `api_token.${string}`>;

const deeds: Partial<Record<ApiTokenEvent["action"], string>> & Record<Action, string> = {
  "api_token.created": "Created",
  "api_token.suspended": "Suspended",
  "api_token.activated": "Activated",
  "api_token.revoked": "Revoked",
  "api_token.rotated": "Rotated",
  "api_token.old_secret_ended": "Old secret ended",
  "api_token.overlap_corrected": "End of the old secret corrected",
  "api_token.deleted": "Deleted",
  "api_token.refused": "Refused",
};

/** Who changed the token, and when. */
export function TokenEvents({ id, list }: { id: string; list: Listing<ApiTokenEvent> }) {
  return (
    <Section title="History">
      <List
        name="History of this token"
        list={list}
        columns={[
          {
            head: "Change",
            skeleton: <Bars lines={["w-32", "w-48 mt-1 h-5", "w-24 mt-1 h-4 sm:hidden"]} />,
            cell: (event) => <EventCell event={event} holder={event.actor_api_token_id === id} />,
          },
          timeColumn("When", "w-40", "sm", "inserted_at"),
        ]}
        empty={{ icon: History, title: "No changes", text: "Changes of this token appear here." }}
      />
    </Section>
  );
}

function EventCell({ event, holder }: { event: ApiTokenEvent; holder: boolean }) {
  return (
    <>
      <p className="font-medium">{deeds[event.action] ?? event.action}</p>
      <p className="mt-1 text-soft wrap-anywhere">
        {holder ? "by its holder" : doerText(event)}
        {event.actor_address && <> from {event.actor_address}</>}
      </p>
      {event.detail && (
        <p className="mt-1 text-small text-soft wrap-anywhere">
          <EventDetail text={event.detail} />
        </p>
      )}
      <p className="mt-1 text-small text-soft sm:hidden">
        <Time at={event.inserted_at} />
      </p>
    </>
  );
}

/** Events of the command line name no actor. */
function doerText({
  actor_name,
  actor_admin_user_id,
  actor_api_token_id,
  actor_kind,
}: ApiTokenEvent): string {
  if (actor_kind === "command_line") return "on the command line";
  if (actor_kind === "stranger") return "at the API";
  if (actor_kind === "server") return "by the server";
  if (actor_name) return `by ${isolate(actor_name)}`;
  if (actor_api_token_id) return "by a deleted token";
  return actor_admin_user_id ? "by a former member" : "on the server";
}
