import { Download, History, SearchX } from "lucide-react";
import { useState } from "react";
import { Bars } from "../ui/bar";
import { Button, DownloadLink } from "../ui/button";
import { Chip } from "../ui/chip";
import { EventDetail } from "../ui/event-detail";
import { type Column, type Empty, List, timeColumn } from "../ui/list";
import { SearchField } from "../ui/search-field";
import { Select } from "../ui/select";
import { TextLink } from "../ui/text-link";
import { Time } from "../ui/time";
import type { AuditEvent } from "../wire";
import { AccountPage } from "./account-page";
import { type AuditFilter, exportAddress, periods, useAudit, useAuditFilter } from "./audit";
import { kinds as actorKinds, type Named, said, shortId } from "./audit-words";

export default function AuditPage() {
  const [filter, change] = useAuditFilter();
  const [cleared, setCleared] = useState(0);
  const list = useAudit(filter);
  const { actions, from, actor, subject, q } = filter;
  const narrowed = actions.length > 0 || Boolean(from ?? actor ?? subject ?? q);
  const nothing = list.pagination?.item_count === 0 && !narrowed && !list.turning;
  return (
    <AccountPage tab="/account/audit">
      {!nothing && <Filters filter={filter} change={change} event={list.items?.[0]} cleared={cleared} />}
      <List
        name="Audit"
        list={list}
        columns={columns}
        empty={narrowed ? nothingFound(clear, Boolean(list.pagination?.searched_to)) : noneYet}
      />
    </AccountPage>
  );
  function clear() {
    setCleared(cleared + 1);
    change({ actions: [] });
  }
}

/** The choices of what was changed. */
const groups = [
  { label: "Tokens", actions: ["api_token.*"] },
  {
    label: "Agents",
    actions: [
      "agent.*",
      "agent_deployment.*",
      "agent_version.*",
      "agent_schema_version.*",
      "agent_instance.*",
    ],
  },
  { label: "Environments", actions: ["environment.*"] },
  { label: "People", actions: ["admin_user.*", "admin_user_invite.*"] },
  { label: "Sign-ins", actions: ["session.*"] },
  { label: "Account", actions: ["account.*"] },
  { label: "Webhook", actions: ["webhook.*"] },
  {
    label: "Refusals",
    actions: ["session.refused", "api_token.refused", "request.refused", "admin_user.password_refused"],
  },
  { label: "Backups", actions: ["backup.*", "restore.*"] },
];

const joined = (actions: string[]) => actions.join(" ");

interface FiltersProps {
  filter: AuditFilter;
  change: (next: AuditFilter, how?: { replace: boolean }) => void;
  /** How often the filters were cleared. */
  cleared: number;
  /** One that matches, for the names behind the ids. */
  event: AuditEvent | undefined;
}

function Filters({ filter, change, event, cleared }: FiltersProps) {
  const { actions, from, actor, subject, q } = filter;
  const kinds = [
    { value: "", label: "Any change" },
    ...groups.map((group) => ({ value: joined(group.actions), label: group.label })),
  ];
  // A link may name other actions.
  if (!kinds.some(({ value }) => value === joined(actions)))
    kinds.push({ value: joined(actions), label: actions.join(", ") });
  const actorName = event && isBy(event, actor) ? event.actor_name : actorKinds[actor ?? ""]?.toLowerCase();
  const subjectName = event?.subject_id === subject ? event?.subject_name : null;
  return (
    <fieldset className="mb-3 grid grid-cols-2 items-center gap-2 sm:flex sm:flex-wrap">
      <legend className="sr-only">Filters</legend>
      <div className="col-span-2 sm:grow sm:basis-full lg:basis-0">
        <SearchField
          label="Search changes"
          placeholder="Search by name, ID, reason or address"
          value={q ?? ""}
          cleared={cleared}
          onSearch={(text) => change({ ...filter, q: text || undefined }, { replace: q !== undefined })}
        />
      </div>
      <div className="relative sm:w-48">
        <Select
          aria-label="Kind of change"
          options={kinds}
          value={joined(actions)}
          onChange={(value) => change({ ...filter, actions: value.split(" ").filter(Boolean) })}
        />
      </div>
      <div className="relative sm:w-48">
        <Select
          aria-label="Time"
          options={[{ value: "", label: "Any time" }, ...periods]}
          value={from ?? ""}
          onChange={(value) => change({ ...filter, from: value || undefined })}
        />
      </div>
      {actor && (
        <Chip
          text={`By ${actorName ?? shortId(actor)}`}
          onRemove={() => change({ ...filter, actor: undefined })}
        />
      )}
      <div className="col-span-2 sm:ml-auto">
        <DownloadLink
          href={exportAddress(filter)}
          name="audit.jsonl"
          icon={<Download aria-hidden className="size-4 text-soft" />}
        >
          Export
        </DownloadLink>
      </div>
      {subject && (
        <Chip
          text={`Of ${subjectName ?? shortId(subject)}`}
          onRemove={() => change({ ...filter, subject: undefined })}
        />
      )}
    </fieldset>
  );
}

const isBy = ({ actor_admin_user_id, actor_api_token_id }: AuditEvent, id: string | undefined) =>
  id !== undefined && (actor_admin_user_id === id || actor_api_token_id === id);

const columns: Column<AuditEvent>[] = [
  {
    head: "Change",
    skeleton: <Bars lines={["w-64", "w-40 mt-1 h-4 md:hidden"]} />,
    cell: (event) => <EventCell event={event} />,
  },
  {
    head: "Address",
    width: "w-44",
    from: "md",
    soft: true,
    cell: ({ actor_address }) =>
      actor_address ?? (
        <>
          <span aria-hidden>–</span>
          <span className="sr-only">None</span>
        </>
      ),
  },
  timeColumn("When", "w-40", "sm", "inserted_at"),
];

/** A change. In narrow windows, the other columns are below the sentence. */
function EventCell({ event }: { event: AuditEvent }) {
  const { actor, deed, subject } = said(event);
  const { reason, detail, actor_address, inserted_at, times } = event;
  return (
    <>
      <p>
        <Name of={actor} /> {deed}
        {subject && (
          <>
            {" "}
            <Name of={subject} />
          </>
        )}
        {times > 1 && `, ${times.toLocaleString("en")} times within a minute`}
      </p>
      {reason && <p className="mt-1 text-small text-soft">Reason: {reason}</p>}
      {detail && detail !== event.subject_name && (
        <p className="mt-1 text-small text-soft">
          <EventDetail text={detail} />
        </p>
      )}
      <p className="mt-1 flex flex-wrap gap-x-3 text-small text-soft md:hidden">
        {actor_address && <span>From {actor_address}</span>}
        <span className="sm:hidden">
          <Time at={inserted_at} />
        </span>
      </p>
    </>
  );
}

/** Names may run in another direction than the sentence. */
function Name({ of: { text, href } }: { of: Named }) {
  const name = <bdi>{text}</bdi>;
  return href ? <TextLink href={href}>{name}</TextLink> : name;
}

const noneYet: Empty = {
  icon: History,
  title: "No changes yet",
  text: "Changes of the account, its people, agents and tokens appear here.",
  reads: true,
};

function nothingFound(onClear: () => void, older: boolean): Empty {
  return {
    icon: SearchX,
    title: older ? "No changes found yet" : "No changes match",
    text: older
      ? "Older changes were not searched yet."
      : "Try other words, another kind of change or a longer time.",
    action: <Button onClick={onClear}>Clear filters</Button>,
    reads: true,
  };
}
