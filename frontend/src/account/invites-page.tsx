import { Ban, Link2, MailPlus } from "lucide-react";
import { useState } from "react";
import { isSignedOut, messageOf } from "../api";
import { Badge, type BadgeTone } from "../ui/badge";
import { Button } from "../ui/button";
import { copyText } from "../ui/clipboard";
import { useNow } from "../ui/clock";
import { CopyField } from "../ui/copy-field";
import { Dialog, DialogBody, DialogFooter, DialogText, Question } from "../ui/dialog";
import { useLast } from "../ui/last";
import { Bar, EmptyList, ListFrame } from "../ui/list-frame";
import { pageSize, usePage } from "../ui/pager";
import { focusOfRow, type RowAction, RowMenu } from "../ui/row-menu";
import { Time } from "../ui/time";
import { useTitle } from "../ui/title";
import { announce, announceFailure } from "../ui/toast";
import type { AdminUserInvite } from "../wire";
import { AccountPage } from "./account-page";
import { InviteDialog } from "./invite-dialog";
import { useInvites, useRevokeInvite } from "./invites";

export function InvitesPage() {
  useTitle("Invites");
  const [page, setPage] = usePage();
  const invites = useInvites(page, pageSize);
  const [inviting, setInviting] = useState(false);
  const [revoking, setRevoking] = useState<AdminUserInvite>();
  const [byHand, setByHand] = useState<AdminUserInvite>();

  async function copy(invite: AdminUserInvite) {
    if (await copyText(invite.invite_url ?? ""))
      announce(`Invite URL for ${invite.email} copied.`, invite.id);
    else setByHand(invite);
  }

  const actionsOf = (invite: AdminUserInvite): RowAction[] => [
    ...(invite.invite_url
      ? [{ label: "Copy invite URL", icon: Link2, onChoose: () => void copy(invite) }]
      : []),
    ...(invite.available_actions.revoke
      ? [{ label: "Revoke", icon: Ban, danger: true, onChoose: () => setRevoking(invite) }]
      : []),
  ];

  return (
    <AccountPage
      tab="/account/invites"
      action={
        <Button look="primary" onClick={() => setInviting(true)}>
          Invite a team member
        </Button>
      }
    >
      <ListFrame
        name="Invites"
        items={invites.data?.summaries}
        failure={invites.error ? messageOf(invites.error) : null}
        onRetry={() => void invites.refetch()}
        pages={{ pagination: invites.data?.pagination, page, onPage: setPage }}
        head={
          <tr>
            <th scope="col" className="px-4 py-2 font-medium">
              Email
            </th>
            <th scope="col" className="hidden w-36 px-4 py-2 font-medium sm:table-cell">
              Status
            </th>
            <th scope="col" className="hidden w-40 px-4 py-2 font-medium sm:table-cell">
              Created
            </th>
            <th scope="col" className="w-14 px-3">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        }
        skeleton={<InviteSkeleton />}
        row={(invite) => <InviteRow key={invite.id} invite={invite} actions={actionsOf(invite)} />}
        empty={
          <EmptyList
            icon={<MailPlus aria-hidden className="size-6" />}
            title="No invites yet"
            text="Invite the people who manage the tokens of this account with you."
            action={<Button onClick={() => setInviting(true)}>Invite the first team member</Button>}
          />
        }
      />
      <InviteDialog open={inviting} onClose={() => setInviting(false)} />
      <RevokeInviteDialog invite={revoking} onClose={() => setRevoking(undefined)} />
      <UrlDialog invite={byHand} onClose={() => setByHand(undefined)} />
    </AccountPage>
  );
}

const looks: Record<AdminUserInvite["status"], { tone: BadgeTone; word: string }> = {
  pending: { tone: "waiting", word: "Pending" },
  used: { tone: "good", word: "Accepted" },
  revoked: { tone: "ended", word: "Revoked" },
};

function InviteRow({ invite, actions }: { invite: AdminUserInvite; actions: RowAction[] }) {
  const over = invite.status === "pending" && invite.expired;
  // An invite of a clock that was ahead has expired although its end lies in the future.
  const hasEnd = Date.parse(invite.expires_at) <= useNow() || !over;
  const { tone, word } = over ? ({ tone: "ended", word: "Expired" } as const) : looks[invite.status];
  return (
    <tr>
      <td className="px-4 py-3 align-top">
        <p className="wrap-anywhere">{invite.email}</p>
        <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-small text-soft">
          <span className="basis-full text-ink sm:hidden">
            <Badge tone={tone}>{word}</Badge>
          </span>
          <span className="sm:hidden">
            Created <Time at={invite.inserted_at} />
          </span>
          {invite.status === "pending" ? (
            hasEnd && (
              <span>
                {over ? "Ended" : "Ends"} <Time at={invite.expires_at} />
              </span>
            )
          ) : (
            <span>
              {word} <Time at={invite.updated_at} />
            </span>
          )}
          {invite.created_by_name && (
            <span className="wrap-anywhere">Created by {invite.created_by_name}</span>
          )}
        </p>
      </td>
      <td className="hidden px-4 py-3 align-top sm:table-cell">
        <Badge tone={tone}>{word}</Badge>
      </td>
      <td className="hidden px-4 py-3 align-top text-soft sm:table-cell">
        <Time at={invite.inserted_at} />
      </td>
      <td className="px-3 py-3 text-right align-top">
        {actions.length > 0 && (
          <RowMenu row={invite.id} name={`the invite of ${invite.email}`} actions={actions} />
        )}
      </td>
    </tr>
  );
}

function InviteSkeleton() {
  return (
    <>
      <td className="px-4 py-3">
        <Bar className="w-48" />
        <div className="mt-1 h-5 sm:hidden">
          <Bar className="w-16" />
        </div>
        <div className="mt-1 h-4 leading-4">
          <Bar className="w-28" />
        </div>
      </td>
      <td className="hidden px-4 py-3 align-top sm:table-cell">
        <Bar className="w-16" />
      </td>
      <td className="hidden px-4 py-3 align-top sm:table-cell">
        <Bar className="w-20" />
      </td>
      <td />
    </>
  );
}

interface RowDialogProps {
  invite: AdminUserInvite | undefined;
  onClose: () => void;
}

function RevokeInviteDialog({ invite, onClose }: RowDialogProps) {
  const last = useLast(invite);
  const revoke = useRevokeInvite();
  if (!last) return null;
  async function submit(revoked: AdminUserInvite) {
    try {
      await revoke.mutateAsync(revoked);
      announce(`Invite for ${revoked.email} revoked. Its link no longer works.`, revoked.id);
    } catch (error) {
      if (!isSignedOut(error))
        announceFailure(`The invite for ${revoked.email} was not revoked. ${messageOf(error)}`, revoked.id);
    }
    onClose();
  }
  return (
    <Question
      open={invite !== undefined}
      title="Revoke this invite?"
      yes="Revoke invite"
      busy={revoke.isPending}
      onYes={() => void submit(last)}
      onNo={onClose}
      finalFocus={() => focusOfRow(last.id, undefined)}
    >
      <p>
        The link for <strong className="font-medium">{last.email}</strong> stops working at once. You can
        invite them again at any time.
      </p>
    </Question>
  );
}

/** For browsers that do not let a page copy: the link in a field, selected. */
function UrlDialog({ invite, onClose }: RowDialogProps) {
  const last = useLast(invite);
  return (
    <Dialog
      open={invite !== undefined}
      onClose={onClose}
      title="Copy invite URL"
      finalFocus={() => focusOfRow(last?.id ?? "", undefined)}
    >
      <DialogBody>
        <DialogText>The browser did not let us copy. Select the link and copy it by hand.</DialogText>
        <CopyField label="Invite URL" what="invite URL" value={last?.invite_url ?? ""} rows={3} />
      </DialogBody>
      <DialogFooter>
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      </DialogFooter>
    </Dialog>
  );
}
