import { Ban, UserMinus, Users } from "lucide-react";
import { useState } from "react";
import { Bars } from "../ui/bar";
import { Button } from "../ui/button";
import { type Column, List, menuColumn, timeColumn } from "../ui/list";
import { TimeFact } from "../ui/time";
import type { AdminUser } from "../wire";
import { useAccount } from "./account";
import { AccountPage } from "./account-page";
import { InviteDialog } from "./invite-dialog";
import { RemoveMemberDialog, RevokeTokensDialog } from "./member-dialogs";
import { memberTitle, useMembers } from "./members";

interface TeamPageProps {
  account: { id: string };
  user: { id: string };
  onSessionEnd: () => void;
}

export default function TeamPage({ account: { id }, user: { id: ownId }, onSessionEnd }: TeamPageProps) {
  const account = useAccount(id);
  const [inviting, setInviting] = useState(false);
  const [removing, setRemoving] = useState<AdminUser>();
  const [revoking, setRevoking] = useState<AdminUser>();
  const withJobs = account.data?.purpose !== "personal";
  return (
    <AccountPage
      tab="/account/team"
      action={
        <Button look="primary" onClick={() => setInviting(true)}>
          Invite a team member
        </Button>
      }
    >
      <List
        name="Team"
        list={useMembers()}
        columns={[
          {
            head: "Name",
            skeleton: <Bars lines={["w-32", below("w-44"), below("w-28"), below("w-24")]} />,
            cell: (member) => <MemberCell member={member} own={member.id === ownId} withJob={withJobs} />,
          },
          { head: "Email", from: "md", cell: ({ email }) => email },
          ...(withJobs ? [jobs] : []),
          timeColumn("Joined", "w-36", "md", "inserted_at"),
          menuColumn(memberTitle, (member) => [
            member.live_api_token_count > 0 && {
              label: "Revoke API tokens",
              icon: Ban,
              danger: true,
              onChoose: () => setRevoking(member),
            },
            {
              label: member.id === ownId ? "Leave the account" : "Remove member",
              icon: UserMinus,
              danger: true,
              obstacle: member.available_actions.remove ? undefined : "The last member can’t be removed.",
              onChoose: () => setRemoving(member),
            },
          ]),
        ]}
        empty={{
          icon: Users,
          title: "No members on this page",
          text: "This page lists everyone who can sign in to this account.",
          action: <Button onClick={() => setInviting(true)}>Invite a team member</Button>,
        }}
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
      {revoking && <RevokeTokensDialog member={revoking} onClose={() => setRevoking(undefined)} />}
    </AccountPage>
  );
}

/** A bar of the lines below the name on a phone. */
const below = (width: string) => `${width} mt-1 h-4 md:hidden`;

const jobs: Column<AdminUser> = {
  head: "Job title",
  width: "w-44",
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
        {withJob && member.job_title && <span>{member.job_title}</span>}
        <TimeFact said="Joined" at={member.inserted_at} />
      </div>
    </>
  );
}
