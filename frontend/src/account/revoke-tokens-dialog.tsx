import { count } from "../ui/count";
import { Question } from "../ui/dialog";
import { announce } from "../ui/toast";
import type { AdminUser } from "../wire";
import { memberTitle, useRevokeTokensOf } from "./members";

/** Asks before all live tokens that a member made are revoked. */
export function RevokeTokensDialog({ member, onClose }: { member: AdminUser; onClose: () => void }) {
  const revoke = useRevokeTokensOf(member);
  const tokens = member.live_api_token_count;
  return (
    <Question
      title={`Revoke ${count(tokens, "API token")}?`}
      row={member.id}
      yes={`Revoke ${count(tokens, "token")}`}
      busy={revoke.isPending}
      failure={revoke.error}
      onYes={() =>
        revoke.mutate(undefined, {
          onSuccess: (revoked) => {
            onClose();
            announce(`${count(revoked, "API token")} revoked. They will never be accepted again.`);
          },
        })
      }
      onNo={onClose}
    >
      <p>
        Every active or suspended token that <strong className="font-medium">{memberTitle(member)}</strong>{" "}
        created. Everything that uses one is refused at once, and this can’t be undone.
      </p>
    </Question>
  );
}
