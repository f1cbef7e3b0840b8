import { useState } from "react";
import { CheckField } from "../ui/check-field";
import { count } from "../ui/count";
import { Question } from "../ui/dialog";
import { announce } from "../ui/toast";
import type { AdminUser } from "../wire";
import { memberTitle, useRemoveMember } from "./members";

interface RemoveMemberDialogProps {
  member: AdminUser;
  /** Whether the user is about to remove themselves. */
  own: boolean;
  onClose: () => void;
  onLeft: () => void;
}

export function RemoveMemberDialog({ member, own, onClose, onLeft }: RemoveMemberDialogProps) {
  const tokens = member.live_api_token_count;
  const name = memberTitle(member);
  const [revoke, setRevoke] = useState(false);
  const remove = useRemoveMember(member);

  function submit() {
    remove.mutate(revoke && tokens > 0, {
      onSuccess: (revoked) => {
        onClose();
        announce(
          own ? "You have left the account." : `${name} was removed${endOfTokens(tokens, revoke, revoked)}.`,
        );
        if (own) onLeft();
      },
    });
  }

  return (
    <Question
      title={own ? "Leave this account?" : "Remove this member?"}
      row={member.id}
      yes={own ? "Leave the account" : "Remove member"}
      busy={remove.isPending}
      failure={remove.error}
      onYes={submit}
      onNo={onClose}
      conditions={
        tokens > 0 && (
          <CheckField
            label={`Revoke ${own ? "your" : "their"} ${count(tokens, "API token")} too`}
            hint="Revoked tokens are refused at once, for good."
            checked={revoke}
            onChange={setRevoke}
          />
        )
      }
    >
      {own ? (
        <p>
          You are removing yourself. All of your sessions end at once, this one too, and only another member
          can invite you again.
        </p>
      ) : (
        <p>
          All sessions of <strong className="font-medium">{name}</strong>
          {member.name && ` (${member.email})`} end at once, and they can’t sign in any more.
        </p>
      )}
      <p className="text-soft">
        {tokens > 0
          ? `${count(tokens, "live API token")} that ${own ? "you" : "they"} created ${tokens === 1 ? "lives" : "live"} on unless revoked too.`
          : `No live API token was created by ${own ? "you" : "them"}.`}
      </p>
    </Question>
  );
}

/** What the message about a removal says about the member's tokens. */
function endOfTokens(tokens: number, revoke: boolean, revoked: number): string {
  if (tokens === 0) return "";
  if (revoke) return `, and ${count(revoked, "API token")} revoked`;
  return `. ${count(tokens, "API token")} of theirs ${tokens === 1 ? "lives" : "live"} on`;
}
