import { count } from "../ui/count";
import { RequestQuestion } from "../ui/question";
import type { AdminUser } from "../wire";
import {
  memberTitle,
  type Removal,
  useEndAllSessions,
  useEndSessionsOf,
  useRemoveMember,
  useRevokeTokensOf,
  useSetRole,
} from "./members";

/** The tokens may be suspended or expired, so they need not work. */
const stayText = (own: boolean, tokens: number) =>
  `${own ? "Your" : "Their"} ${count(tokens, "token")} ${tokens === 1 ? "stays as it is unless you revoke it" : "stay as they are unless you revoke them"}.`;

/** The webhook belongs to the account, so it outlives the rights of the member who set it. */
const webhookText = (own: boolean) =>
  `${own ? "You" : "They"} set the account’s webhook, which goes on. ${own ? "Another admin" : "You"} can check or delete it under Details.`;

interface RemoveMemberDialogProps {
  member: AdminUser;
  /** Whether the member is the user. */
  own: boolean;
  onClose: () => void;
  onLeft: () => void;
}

export function RemoveMemberDialog({ member, own, onClose, onLeft }: RemoveMemberDialogProps) {
  const { id, email, live_api_token_count: tokens } = member;
  const name = memberTitle(member);
  return (
    <RequestQuestion
      title={own ? "Leave this account?" : "Remove this member?"}
      row={id}
      yes={own ? "Leave account" : "Remove member"}
      request={useRemoveMember(id)}
      tick={
        tokens > 0 && {
          label: `Revoke ${own ? "your" : "their"} ${count(tokens, "API token")} too`,
          hint: "They stop working at once. This can’t be undone.",
        }
      }
      done={(removal) => (own ? "You have left the account." : removedText(removal))}
      onClose={onClose}
      onDone={() => own && onLeft()}
    >
      {own ? (
        <p>
          All your sessions end at once, including this one. To come back, you need an invite from another
          member.
        </p>
      ) : (
        <p>
          All sessions of <strong className="font-medium">{name}</strong>
          {member.name && ` (${email})`} end at once, and they can’t sign in any more.
        </p>
      )}
      <p className="text-soft">
        {tokens > 0 ? stayText(own, tokens) : `${own ? "You have" : "They have"} no active tokens.`}
        {member.set_webhook && ` ${webhookText(own)}`}
      </p>
    </RequestQuestion>
  );

  function removedText({ revoke, count: revoked }: Removal): string {
    if (tokens === 0) return `${name} was removed.`;
    if (revoke) return `${name} was removed, and ${count(revoked, "API token")} revoked.`;
    return `${name} was removed. Their ${count(tokens, "token")} ${tokens === 1 ? "was" : "were"} not revoked.`;
  }
}

interface SetRoleDialogProps {
  member: AdminUser;
  /** Whether the member is the user. */
  own: boolean;
  onClose: () => void;
  onDone: () => void;
}

/** Makes an admin a viewer, and a viewer an admin. */
export function SetRoleDialog({ member, own, onClose, onDone }: SetRoleDialogProps) {
  const { id, role, live_api_token_count: tokens } = member;
  const demotes = role === "admin";
  const name = own ? "You" : memberTitle(member);
  return (
    <RequestQuestion
      title={demotes ? `Make ${own ? "yourself" : "this member"} a viewer?` : "Make this member an admin?"}
      row={id}
      yes={demotes ? "Make viewer" : "Make admin"}
      look="primary"
      request={useSetRole(id, demotes ? "viewer" : "admin")}
      tick={
        demotes &&
        tokens > 0 && {
          label: `Revoke ${own ? "your" : "their"} ${count(tokens, "API token")} too`,
          hint: "They stop working at once. This can’t be undone.",
        }
      }
      done={({ revoke, count: revoked }) =>
        `${name} ${own ? "are" : "is"} ${demotes ? "a viewer" : "an admin"} now${revoke ? `, and ${count(revoked, "API token")} revoked` : ""}.`
      }
      onClose={onClose}
      onDone={onDone}
    >
      <p>
        <strong className="font-medium">{name}</strong>{" "}
        {demotes
          ? "can still see everything except secrets, but change nothing. Pending invites that they made end."
          : "can change everything, also the team."}
      </p>
      {demotes && tokens > 0 && <p className="text-soft">{stayText(own, tokens)}</p>}
      {demotes && member.set_webhook && <p className="text-soft">{webhookText(own)}</p>}
    </RequestQuestion>
  );
}

interface EndSessionsDialogProps {
  member: AdminUser;
  onClose: () => void;
}

export function EndSessionsDialog({ member, onClose }: EndSessionsDialogProps) {
  const name = memberTitle(member);
  return (
    <RequestQuestion
      title="End all sessions?"
      row={member.id}
      yes="End sessions"
      request={useEndSessionsOf(member.id)}
      done={({ count: ended }) => `${count(ended, "session")} of ${name} ended.`}
      onClose={onClose}
    >
      <p>
        <strong className="font-medium">{name}</strong> is signed out everywhere, and must sign in again.
        Their pending invites end.
      </p>
    </RequestQuestion>
  );
}

interface EndAllSessionsDialogProps {
  accountId: string;
  onClose: () => void;
}

export function EndAllSessionsDialog({ accountId, onClose }: EndAllSessionsDialogProps) {
  return (
    <RequestQuestion
      title="End all sessions of all members?"
      yes="End sessions"
      request={useEndAllSessions(accountId)}
      done={({ count: ended }) => `${count(ended, "session")} ended.`}
      onClose={onClose}
    >
      <p>
        Everyone is signed out everywhere and must sign in again, except you in this browser. Pending invites
        of members end.
      </p>
    </RequestQuestion>
  );
}

interface RevokeTokensDialogProps {
  member: AdminUser;
  onClose: () => void;
}

export function RevokeTokensDialog({ member, onClose }: RevokeTokensDialogProps) {
  const tokens = member.live_api_token_count;
  return (
    <RequestQuestion
      title={`Revoke ${count(tokens, "API token")}?`}
      row={member.id}
      yes={`Revoke ${count(tokens, "token")}`}
      request={useRevokeTokensOf(member.id)}
      done={(revoked) =>
        revoked === 0
          ? `${memberTitle(member)} has no tokens left to revoke.`
          : `${count(revoked, "API token")} revoked. ${revoked === 1 ? "It" : "They"} will never be accepted again.`
      }
      onClose={onClose}
    >
      <p>
        This revokes every active or suspended token that{" "}
        <strong className="font-medium">{memberTitle(member)}</strong> created. They are refused at once. This
        can’t be undone.
      </p>
    </RequestQuestion>
  );
}
