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
            hint="They stop working at once. This can’t be undone."
            checked={revoke}
            onChange={setRevoke}
          />
        )
      }
    >
      {own ? (
        <p>
          All your sessions end at once, including this one. To come back, you need an invite from another
          member.
        </p>
      ) : (
        <p>
          All sessions of <strong className="font-medium">{name}</strong>
          {member.name && ` (${member.email})`} end at once, and they can’t sign in any more.
        </p>
      )}
      <p className="text-soft">
        {tokens > 0
          ? `${own ? "Your" : "Their"} ${count(tokens, "active token")} ${tokens === 1 ? "keeps" : "keep"} working unless you revoke ${tokens === 1 ? "it" : "them"}.`
          : `${own ? "You have" : "They have"} no active tokens.`}
      </p>
    </Question>
  );
}

/** What the message about a removal says about the member's tokens. */
function endOfTokens(tokens: number, revoke: boolean, revoked: number): string {
  if (tokens === 0) return "";
  if (revoke) return `, and ${count(revoked, "API token")} revoked`;
  return `. Their ${count(tokens, "token")} ${tokens === 1 ? "keeps" : "keep"} working`;
}
