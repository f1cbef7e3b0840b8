import { Ban, LogOut, ShieldCheck, UserMinus, Users } from "lucide-react";
import { useState } from "react";
import { Bars } from "../ui/bar";
import { Button } from "../ui/button";
import { type Column, List, menuColumn, timeColumn } from "../ui/list";
import { ListSearch, nothingFound, useSearch } from "../ui/list-search";
import { Changing } from "../ui/read-only";
import { TimeFact } from "../ui/time";
import type { AdminUser } from "../wire";
import { useAccount } from "./account";
import { AccountPage } from "./account-page";
import { InviteDialog } from "./invite-dialog";
import {
  EndAllSessionsDialog,
  EndSessionsDialog,
  RemoveMemberDialog,
  RevokeTokensDialog,
  SetRoleDialog,
} from "./member-dialogs";
import { memberTitle, useMembers } from "./members";
import { roleWords } from "./role-choice";

interface TeamPageProps {
  account: { id: string };
  user: { id: string };
  onSessionChange: () => void;
  onSessionEnd: () => void;
}

export default function TeamPage({
  account: { id },
  user: { id: ownId },
  onSessionChange,
  onSessionEnd,
}: TeamPageProps) {
  const account = useAccount(id);
  const search = useSearch();
  const list = useMembers(search.text);
  const [inviting, setInviting] = useState(false);
  const [removing, setRemoving] = useState<AdminUser>();
  const [changing, setChanging] = useState<AdminUser>();
  const [ending, setEnding] = useState<AdminUser>();
  const [endingAll, setEndingAll] = useState(false);
  const [revoking, setRevoking] = useState<AdminUser>();
  const withJobs = account.data?.purpose !== "personal";
  return (
    <AccountPage
      tab="/account/team"
      action={
        <Changing>
          <div className="flex flex-wrap gap-2">
            <Button onClick={() => setEndingAll(true)}>End all sessions</Button>
            <Button look="primary" onClick={() => setInviting(true)}>
              Invite a team member
            </Button>
          </div>
        </Changing>
      }
    >
      <ListSearch search={search} list={list} items="members" placeholder="Search by name or email" />
      <List
        name="Team"
        list={list}
        columns={[
          {
            head: "Name",
            skeleton: <Bars lines={["w-32", below("w-44"), below("w-16"), below("w-28"), below("w-24")]} />,
            cell: (member) => <MemberCell member={member} own={member.id === ownId} withJob={withJobs} />,
          },
          { head: "Email", from: "md", cell: ({ email }) => email },
          { head: "Role", width: "w-24", from: "md", cell: ({ role }) => roleWords[role] },
          ...(withJobs ? [jobs] : []),
          timeColumn("Joined", "w-36", "md", "inserted_at"),
          menuColumn(memberTitle, (member) => [
            {
              label: member.role === "admin" ? "Make viewer" : "Make admin",
              icon: ShieldCheck,
              obstacle:
                member.role === "admin" && !member.available_actions.set_role
                  ? "The last admin can’t become a viewer."
                  : undefined,
              onChoose: () => setChanging(member),
            },
            member.id !== ownId && {
              label: "End all sessions",
              icon: LogOut,
              onChoose: () => setEnding(member),
            },
            member.live_api_token_count > 0 && {
              label: "Revoke API tokens",
              icon: Ban,
              danger: true,
              onChoose: () => setRevoking(member),
            },
            {
              label: member.id === ownId ? "Leave account" : "Remove member",
              icon: UserMinus,
              danger: true,
              obstacle: member.available_actions.remove ? undefined : "The last admin can’t be removed.",
              onChoose: () => setRemoving(member),
            },
          ]),
        ]}
        empty={
          search.text
            ? nothingFound(search, "members")
            : {
                icon: Users,
                title: "No members on this page",
                text: "This page lists everyone who can sign in to this account.",
                action: <Button onClick={() => setInviting(true)}>Invite a team member</Button>,
              }
        }
      />
      {inviting && <InviteDialog onClose={() => setInviting(false)} />}
      {removing && (
        <RemoveMemberDialog
          member={removing}
          own={removing.id === ownId}
          onClose={() => setRemoving(undefined)}
          onLeft={onSessionEnd}
        />
      )}
      {changing && (
        <SetRoleDialog
          member={changing}
          own={changing.id === ownId}
          onClose={() => setChanging(undefined)}
          onDone={() => changing.id === ownId && onSessionChange()}
        />
      )}
      {ending && <EndSessionsDialog member={ending} onClose={() => setEnding(undefined)} />}
      {endingAll && <EndAllSessionsDialog accountId={id} onClose={() => setEndingAll(false)} />}
      {revoking && <RevokeTokensDialog member={revoking} onClose={() => setRevoking(undefined)} />}
    </AccountPage>
  );
}

/** A bar of the lines below the name on a phone. */
const below = (width: string) => `${width} mt-1 h-4 md:hidden`;

const jobs: Column<AdminUser> = {
  head: "Job title",
  width: "w-36",
  from: "md",
  soft: true,
  cell: ({ job_title }) =>
    job_title ?? (
      <>
        <span aria-hidden>–</span>
        <span className="sr-only">None</span>
      </>
    ),
};

/** A member. In narrow windows, the other columns are below the name. */
function MemberCell({ member, own, withJob }: { member: AdminUser; own: boolean; withJob: boolean }) {
  return (
    <>
      <span className={member.name ? "font-medium" : "text-soft"}>{member.name ?? "No name"}</span>{" "}
      {own && <span className="text-soft">· You</span>}
      <div className="mt-1 grid gap-1 text-small text-soft md:hidden">
        <span>{member.email}</span>
        <span>{roleWords[member.role]}</span>
        {withJob && member.job_title && <span>{member.job_title}</span>}
        <TimeFact said="Joined" at={member.inserted_at} />
      </div>
    </>
  );
}
