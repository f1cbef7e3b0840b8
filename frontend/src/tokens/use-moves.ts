import { ApiError, isSignedOut, messageOf } from "../api";
import { announce, announceFailure } from "../ui/toast";
import type { ApiToken } from "../wire";
import type { MoveText } from "./token-moves";
import { useMoveToken } from "./tokens";

/** Carries out a move and says how it went. The lists ask the server again either way. */
export function useMoves() {
  const mutation = useMoveToken();
  async function move(token: ApiToken, text: MoveText) {
    try {
      await mutation.mutateAsync({ token, move: text.move });
      announce(text.done);
    } catch (error) {
      if (!isSignedOut(error)) announceFailure(failureText(error));
    }
  }
  return { move, busy: mutation.isPending };
}

function failureText(error: unknown): string {
  if (error instanceof ApiError && (error.code === "invalid_action" || error.status === 404)) {
    return "This token was changed by someone else in the meantime. The list is up to date again.";
  }
  return `The token was not changed. ${messageOf(error)}`;
}
