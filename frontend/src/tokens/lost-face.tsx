import { messageOf } from "../api";
import { Button } from "../ui/button";
import { DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Notice } from "../ui/notice";
import { announce } from "../ui/toast";
import type { ApiToken } from "../wire";
import { useMoveToken } from "./tokens";
import { tokenTitle } from "./wording";

interface LostFaceProps {
  token: ApiToken;
  /** Back to the form. `stays` is whether the lost token is still active. */
  onStartOver: (stays: boolean) => void;
}

/** Says that a token was made whose secret never arrived, and offers to end it before another one is made. */
export function LostFace({ token, onStartOver }: LostFaceProps) {
  const revoke = useMoveToken();
  return (
    <>
      <DialogBody>
        <DialogText>
          <strong className="font-medium text-ink wrap-anywhere">{tokenTitle(token)}</strong> is active, but
          its secret did not arrive and can’t be shown again. Revoke it, then create another.
        </DialogText>
        {revoke.error && <Notice tone="bad">The token was not revoked. {messageOf(revoke.error)}</Notice>}
      </DialogBody>
      <DialogFooter>
        <Button onClick={() => onStartOver(true)} disabled={revoke.isPending}>
          Keep it and try again
        </Button>
        <Button
          look="danger"
          autoFocus
          busy={revoke.isPending}
          onClick={() =>
            revoke.mutate(
              { token, move: "revoke" },
              {
                onSuccess: () => {
                  announce(`${tokenTitle(token)} revoked. You can create another token now.`, token.id);
                  onStartOver(false);
                },
              },
            )
          }
        >
          Revoke token
        </Button>
      </DialogFooter>
    </>
  );
}
