import { Copy, RefreshCw } from "lucide-react";
import { type ReactNode, Suspense, useState } from "react";
import { ApiError, isSignedOut, messageOf } from "../api";
import { useNow } from "../ui/clock";
import { copyId } from "../ui/copy-id";
import { late } from "../ui/late";
import type { RowAction } from "../ui/row-menu";
import { announce, announceFailure } from "../ui/toast";
import type { ApiToken } from "../wire";
import type { Lifetimes } from "./expiry";
import type { Asked } from "./move-question";
import type { Rotating } from "./rotate-dialog";
import { asksFirst, endOldSecret, type MoveText, movesFor, suspend } from "./token-moves";
import { useMoveToken } from "./tokens";
import { isEndingSoon, stateOf, tokenTitle } from "./wording";

// Their code loads after the token is shown.
const MoveQuestion = late(
  () => import("./move-question"),
  ({ onNo }) => onNo(),
);
const RotateDialog = late(
  () => import("./rotate-dialog"),
  ({ onClose }) => onClose(),
);

export interface Issuer {
  publicUrl: string;
  lifetimes: Lifetimes;
}

interface TokenActions {
  /** The entries of the token's menu. */
  actionsOf: (token: ApiToken) => RowAction[];
  /** Asks whether to end the old secret. */
  onEndOld: (token: ApiToken) => void;
  /** The dialogs that the entries open. */
  dialogs: ReactNode;
}

/**
 * What can be done with a token, in its row and on its page. `latest` returns the token as it is now. `onGone` is called
 * once a token is deleted.
 */
export function useTokenActions(
  issuer: Issuer,
  latest: (token: ApiToken) => ApiToken | undefined,
  onGone?: () => void,
): TokenActions {
  const [asking, setAsking] = useState<Asked>();
  const [rotating, setRotating] = useState<Rotating>();
  /** What waits for its answer. */
  const [moving, setMoving] = useState<Asked[]>([]);
  const { mutateAsync } = useMoveToken(onGone);
  const now = useNow();
  const isMoving = ({ id }: ApiToken) => moving.some(({ token }) => token.id === id);
  const onEndOld = (token: ApiToken) => setAsking({ token, text: endOldSecret });
  function choose(token: ApiToken, text: MoveText) {
    if (asksFirst(token, text, now)) setAsking({ token, text });
    else void carryOut({ token, text });
  }
  /** A failure shows in the open question, which keeps its input, unless the move is no longer possible. */
  async function carryOut(what: Asked, withDescendants = false, reason = "") {
    const { token, text } = what;
    const asked = asking && { ...asking, failure: undefined };
    setAsking(asked);
    setMoving((all) => [...all, what]);
    try {
      await mutateAsync({ token, move: text.move, withDescendants, reason: reason.trim() });
      announce(`${tokenTitle(token)} ${text.done}`, token.id);
    } catch (failure) {
      if (asked && !(failure instanceof ApiError && failure.code === "invalid_action"))
        return setAsking({ ...asked, failure });
      if (!isSignedOut(failure)) announceFailure(messageOf(failure), token.id);
    } finally {
      setMoving((all) => all.filter((other) => other !== what));
    }
    // Without a question of its own, it must not close one that was opened since.
    if (asked) setAsking(undefined);
  }
  return {
    onEndOld,
    actionsOf: (token) => [
      ...movesFor(token, now).map((text) => ({
        ...itemOf(text),
        obstacle: text.obstacle,
        busy: isMoving(token),
        onChoose: () => choose(token, text),
      })),
      ...rotationsOf(token, now).map(({ label, renew, apart }) => ({
        label,
        icon: RefreshCw,
        apart,
        onChoose: () => setRotating({ token, renew }),
      })),
      ...(token.old_secret ? [{ ...itemOf(endOldSecret), onChoose: () => onEndOld(token) }] : []),
      {
        label: "Copy ID",
        icon: Copy,
        apart: true,
        reads: true,
        onChoose: () => void copyId(token.id, tokenTitle(token)),
      },
    ],
    dialogs: (
      <>
        <p role="status" className="sr-only">
          {moving.map(({ token, text }) => text.doing && `${text.doing} ${tokenTitle(token)}. `)}
        </p>
        <Suspense fallback={null}>
          {asking && (
            <MoveQuestion
              asked={asking}
              latest={latest(asking.token)}
              busy={isMoving(asking.token)}
              onYes={(withDescendants, reason) => void carryOut(asking, withDescendants, reason)}
              onSuspend={(asks, reason) => {
                const instead = { token: asking.token, text: suspend };
                if (asks) setAsking(instead);
                else void carryOut(instead, false, reason);
              }}
              onNo={() => setAsking(undefined)}
            />
          )}
          {rotating && (
            <RotateDialog {...issuer} rotating={rotating} onClose={() => setRotating(undefined)} />
          )}
        </Suspense>
      </>
    ),
  };
}

const itemOf = ({ label, icon, permanent = false }: MoveText) => ({ label, icon, danger: permanent });

/** An expired token needs a new expiry. */
function rotationsOf(token: ApiToken, now: number) {
  if (!token.available_actions.rotate) return [];
  const rotate = { label: "Rotate", renew: false, apart: true };
  const renew = { label: "Renew", renew: true, apart: false };
  if (stateOf(token, now) === "expired") return [{ ...renew, apart: true }];
  return isEndingSoon(token, now) ? [rotate, renew] : [rotate];
}
