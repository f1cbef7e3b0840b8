import { Ban, UserMinus, Users } from "lucide-react";
import { useState } from "react";
import { messageOf } from "../api";
import { Button } from "../ui/button";
import { EmptyList, ListFrame } from "../ui/list-frame";
import { pageSize, usePage } from "../ui/pager";
import { neighbourOf, type RowAction } from "../ui/row-menu";
import { useTitle } from "../ui/title";
import type { AdminUser } from "../wire";
import { useAccount } from "./account";
import { AccountPage } from "./account-page";
import { InviteDialog } from "./invite-dialog";
import { MemberRow, MemberSkeleton, MembersHead } from "./member-row";
import { type AboutMember, useMembers } from "./members";
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
  const [page, setPage] = usePage();
  const members = useMembers(page, pageSize);
  const account = useAccount(accountId);
  const [inviting, setInviting] = useState(false);
  const [removing, setRemoving] = useState<AboutMember>();
  const [revoking, setRevoking] = useState<AboutMember>();
  const withJobs = account.data?.purpose !== "personal";
  const items = members.data?.summaries;

  function actionsOf(member: AdminUser): RowAction[] {
    const about = { member, neighbour: neighbourOf(items, member.id) };
    return [
      ...(member.live_api_token_count > 0
        ? [{ label: "Revoke API tokens", icon: Ban, danger: true, onChoose: () => setRevoking(about) }]
        : []),
      {
        label: member.id === ownId ? "Leave the account" : "Remove member",
        icon: UserMinus,
        danger: true,
        obstacle: member.available_actions.remove ? undefined : "The last member can’t be removed.",
        onChoose: () => setRemoving(about),
      },
    ];
  }

  return (
    <AccountPage
      tab="/account/team"
      action={
        <Button look="primary" onClick={() => setInviting(true)}>
          Invite a team member
        </Button>
      }
    >
      <ListFrame
        name="Team"
        items={items}
        failure={members.error ? messageOf(members.error) : null}
        onRetry={() => void members.refetch()}
        pages={{ pagination: members.data?.pagination, page, onPage: setPage }}
        head={<MembersHead withJobs={withJobs} />}
        skeleton={<MemberSkeleton withJobs={withJobs} />}
        row={(member) => (
          <MemberRow
            key={member.id}
            member={member}
            own={member.id === ownId}
            withJobs={withJobs}
            actions={actionsOf(member)}
          />
        )}
        empty={
          <EmptyList
            icon={<Users aria-hidden className="size-6" />}
            title="No members on this page"
            text="Everyone who can sign in to this account is listed here."
            action={<Button onClick={() => setInviting(true)}>Invite a team member</Button>}
          />
        }
      />
      <InviteDialog open={inviting} onClose={() => setInviting(false)} />
      <RemoveMemberDialog
        about={removing}
        own={removing?.member.id === ownId}
        onClose={() => setRemoving(undefined)}
        onLeft={onLeft}
      />
      <RevokeTokensDialog about={revoking} onClose={() => setRevoking(undefined)} />
    </AccountPage>
  );
}
