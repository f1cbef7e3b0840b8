import { messageOf } from "../api";
import { count } from "../ui/count";
import { Question } from "../ui/dialog";
import { useLast } from "../ui/last";
import { Notice } from "../ui/notice";
import { focusOfRow } from "../ui/row-menu";
import { announce } from "../ui/toast";
import { memberTitle } from "./member-title";
import { type AboutMember, useRevokeTokensOf } from "./members";

/** Asks before all live tokens that a member made are revoked. */
export function RevokeTokensDialog({
  about,
  onClose,
}: {
  about: AboutMember | undefined;
  onClose: () => void;
}) {
  const last = useLast(about);
  const revoke = useRevokeTokensOf();
  if (!last) return null;
  const { member, neighbour } = last;
  const tokens = member.live_api_token_count;
  function close() {
    revoke.reset();
    onClose();
  }
  return (
    <Question
      open={about !== undefined}
      title={`Revoke ${count(tokens, "API token")}?`}
      yes={`Revoke ${count(tokens, "token")}`}
      busy={revoke.isPending}
      onYes={() =>
        revoke.mutate(member, {
          onSuccess: (revoked) => {
            close();
            announce(`${count(revoked, "API token")} revoked. They will never be accepted again.`);
          },
        })
      }
      onNo={close}
      finalFocus={() => focusOfRow(member.id, neighbour)}
      conditions={revoke.error && <Notice tone="bad">{messageOf(revoke.error)}</Notice>}
    >
      <p>
        Every active or suspended token that <strong className="font-medium">{memberTitle(member)}</strong>{" "}
        created. Everything that uses one is refused at once, and this can’t be undone.
      </p>
    </Question>
  );
}
