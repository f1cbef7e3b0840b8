import { ApiError, isSignedOut, messageOf } from "../api";
import { announce, announceFailure } from "../ui/toast";
import type { ApiToken } from "../wire";
import type { MoveText } from "./token-moves";
import { useMoveToken } from "./tokens";
import { tokenTitle } from "./wording";

/** Carries out a move and announces the result. `onGone` is called once a token is deleted. */
export function useMoves(onGone?: () => void) {
  const mutation = useMoveToken(onGone);
  async function move(token: ApiToken, text: MoveText, withDescendants = false, reason = "") {
    try {
      await mutation.mutateAsync({ token, move: text.move, withDescendants, reason: reason.trim() });
      announce(`${tokenTitle(token)} ${text.done}`, token.id);
    } catch (error) {
      if (!isSignedOut(error)) announceFailure(failureText(token, error), token.id);
    }
  }
  return { move, busy: mutation.isPending };
}

function failureText(token: ApiToken, error: unknown): string {
  if (error instanceof ApiError && (error.code === "invalid_action" || error.status === 404)) {
    return `${tokenTitle(token)} was changed by someone else in the meantime. The page is up to date again.`;
  }
  return `${tokenTitle(token)} was not changed. ${messageOf(error)}`;
}
