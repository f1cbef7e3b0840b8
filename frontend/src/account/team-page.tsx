import { Ban, UserMinus, Users } from "lucide-react";
import { useState } from "react";
import { Bar, Bars } from "../ui/bar";
import { Button } from "../ui/button";
import { type Column, List, menuColumn, timeColumn } from "../ui/list";
import { Time } from "../ui/time";
import { useTitle } from "../ui/title";
import type { AdminUser } from "../wire";
import { useAccount } from "./account";
import { AccountPage } from "./account-page";
import { InviteDialog } from "./invite-dialog";
import { memberTitle, useMembers } from "./members";
import { RemoveMemberDialog } from "./remove-member-dialog";
import { RevokeTokensDialog } from "./revoke-tokens-dialog";

interface TeamPageProps {
  accountId: string;
  ownId: string;
  /** The user removed themselves, and with that ended the session. */
  onLeft: () => void;
}

export function TeamPage({ accountId, ownId, onLeft }: TeamPageProps) {
  useTitle("Team");
  const account = useAccount(accountId);
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
            skeleton: (
              <Bars
                lines={[
                  "w-32",
                  "w-44 mt-1 h-4 leading-4 md:hidden",
                  "w-28 mt-1 h-4 leading-4 md:hidden",
                  "w-24 mt-1 h-4 leading-4 md:hidden",
                ]}
              />
            ),
            cell: (member) => <MemberCell member={member} own={member.id === ownId} withJob={withJobs} />,
          },
          { head: "Email", from: "md", skeleton: <Bar className="w-44" />, cell: ({ email }) => email },
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
          onLeft={onLeft}
        />
      )}
      {revoking && <RevokeTokensDialog member={revoking} onClose={() => setRevoking(undefined)} />}
    </AccountPage>
  );
}

const jobs: Column<AdminUser> = {
  head: "Job title",
  width: "w-44",
  from: "md",
  soft: true,
  skeleton: <Bar className="w-24" />,
  cell: ({ job_title }) =>
    job_title ?? (
      <>
        <span aria-hidden>–</span>
        <span className="sr-only">None</span>
      </>
    ),
};

/** A person of the account. On a phone all that is known about them stands below the name. */
function MemberCell({ member, own, withJob }: { member: AdminUser; own: boolean; withJob: boolean }) {
  return (
    <>
      <span className={member.name ? "font-medium" : "text-soft"}>{member.name ?? "No name"}</span>{" "}
      {own && <span className="text-soft">· You</span>}
      <div className="mt-1 grid gap-1 text-small text-soft md:hidden">
        <span>{member.email}</span>
        {withJob && member.job_title && <span>{member.job_title}</span>}
        <span>
          Joined <Time at={member.inserted_at} />
        </span>
      </div>
    </>
  );
}
