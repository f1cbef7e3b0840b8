import { Ban, Link2, MailPlus } from "lucide-react";
import { useState } from "react";
import { Badge, type BadgeTone } from "../ui/badge";
import { Bars } from "../ui/bar";
import { Button } from "../ui/button";
import { copyText } from "../ui/clipboard";
import { useNow } from "../ui/clock";
import { CopyField } from "../ui/copy-field";
import { Dialog, DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { List, menuColumn, timeColumn } from "../ui/list";
import { RequestQuestion } from "../ui/question";
import { Changing } from "../ui/read-only";
import { TimeFact } from "../ui/time";
import { announce } from "../ui/toast";
import type { AdminUserInvite } from "../wire";
import { AccountPage } from "./account-page";
import { InviteDialog } from "./invite-dialog";
import { useInvites, useRevokeInvite } from "./invites";

export default function InvitesPage() {
  const [inviting, setInviting] = useState(false);
  const [revoking, setRevoking] = useState<AdminUserInvite>();
  const [byHand, setByHand] = useState<AdminUserInvite>();

  async function copy(invite: AdminUserInvite) {
    if (!(await copyText(invite.invite_url ?? ""))) setByHand(invite);
    else announce(`Invite URL for ${invite.email} copied.`, invite.id);
  }

  return (
    <AccountPage
      tab="/account/invites"
      action={
        <Changing>
          <Button look="primary" onClick={() => setInviting(true)}>
            Invite a team member
          </Button>
        </Changing>
      }
    >
      <List
        name="Invites"
        list={useInvites()}
        columns={[
          {
            head: "Email",
            skeleton: <Bars lines={["w-48", "w-16 mt-1 h-5 sm:hidden", "w-28 mt-1 h-4"]} />,
            cell: (invite) => <InviteCell invite={invite} />,
          },
          { head: "Status", width: "w-36", from: "sm", cell: (invite) => <InviteBadge invite={invite} /> },
          timeColumn("Created", "w-40", "sm", "inserted_at"),
          menuColumn<AdminUserInvite>(
            ({ email }) => `the invite of ${email}`,
            (invite) => [
              invite.invite_url !== null && {
                label: "Copy invite URL",
                icon: Link2,
                onChoose: () => void copy(invite),
              },
              invite.available_actions.revoke && {
                label: "Revoke",
                icon: Ban,
                danger: true,
                onChoose: () => setRevoking(invite),
              },
            ],
          ),
        ]}
        empty={{
          icon: MailPlus,
          title: "No invites yet",
          text: "Invite the people who manage the tokens of this account with you.",
          action: <Button onClick={() => setInviting(true)}>Invite the first team member</Button>,
        }}
      />
      {inviting && <InviteDialog onClose={() => setInviting(false)} />}
      {revoking && <RevokeInviteDialog invite={revoking} onClose={() => setRevoking(undefined)} />}
      {byHand && <UrlDialog invite={byHand} onClose={() => setByHand(undefined)} />}
    </AccountPage>
  );
}

const looks: Record<AdminUserInvite["status"], { tone: BadgeTone; word: string }> = {
  pending: { tone: "waiting", word: "Pending" },
  used: { tone: "good", word: "Accepted" },
  revoked: { tone: "ended", word: "Revoked" },
};

const isOver = ({ status, expired }: AdminUserInvite) => status === "pending" && expired;

function InviteBadge({ invite }: { invite: AdminUserInvite }) {
  const { tone, word } = isOver(invite) ? { tone: "ended" as const, word: "Expired" } : looks[invite.status];
  return <Badge tone={tone}>{word}</Badge>;
}

function InviteCell({ invite }: { invite: AdminUserInvite }) {
  const over = isOver(invite);
  // If the clock was ahead when it was created, an expired invite ends in the future.
  const hasEnd = Date.parse(invite.expires_at) <= useNow() || !over;
  return (
    <>
      <p>{invite.email}</p>
      <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-small text-soft">
        <span className="basis-full text-ink sm:hidden">
          <InviteBadge invite={invite} />
        </span>
        <TimeFact said="Created" className="sm:hidden" at={invite.inserted_at} />
        {invite.status !== "pending" && <TimeFact said={looks[invite.status].word} at={invite.updated_at} />}
        {invite.status === "pending" && hasEnd && (
          <TimeFact said={over ? "Ended" : "Ends"} at={invite.expires_at} />
        )}
        {invite.role === "viewer" && <span>As a viewer</span>}
        {invite.created_by_name && <span>Created by {invite.created_by_name}</span>}
      </p>
    </>
  );
}

interface RowDialogProps {
  invite: AdminUserInvite;
  onClose: () => void;
}

function RevokeInviteDialog({ invite: { id, email }, onClose }: RowDialogProps) {
  return (
    <RequestQuestion
      title="Revoke this invite?"
      row={id}
      yes="Revoke invite"
      request={useRevokeInvite(id)}
      done={() => `Invite for ${email} revoked. Its link no longer works.`}
      onClose={onClose}
    >
      <p>
        The link for <strong className="font-medium">{email}</strong> stops working at once. You can invite
        them again at any time.
      </p>
    </RequestQuestion>
  );
}

/** Shows the URL to copy by hand if the browser does not let the page copy. */
function UrlDialog({ invite, onClose }: RowDialogProps) {
  return (
    <Dialog onClose={onClose} title="Copy invite URL" row={invite.id}>
      <DialogBody>
        <DialogText>The browser did not let us copy. Select the URL and copy it by hand.</DialogText>
        <CopyField label="Invite URL" what="invite URL" value={invite.invite_url ?? ""} rows={3} />
      </DialogBody>
      <DialogFooter>
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      </DialogFooter>
    </Dialog>
  );
}
