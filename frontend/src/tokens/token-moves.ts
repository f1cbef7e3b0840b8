import { Ban, CirclePause, CirclePlay, KeyRound, type LucideIcon, Trash2 } from "lucide-react";
import type { ApiToken } from "../wire";
import type { Move, RowMove } from "./tokens";
import { hourLength, isWithin } from "./use-text";
import { stateOf } from "./wording";

export interface MoveText<M extends RowMove = RowMove> {
  move: M;
  label: string;
  icon: LucideIcon;
  /** Precedes the token's name until the answer, for moves that may come without a question. */
  doing?: string;
  /** Follows the token's name after a success. */
  done: string;
  /** Whether it can't be undone. It is then always asked first. */
  permanent?: boolean;
  /** Whether clients would notice it. It is then asked first if one used the token within the hour. */
  noticed?: boolean;
}

interface Offered<M extends RowMove> extends MoveText<M> {
  /** Why the move is shown but disabled. */
  obstacle?: string;
}

export const suspend: MoveText<Move> = {
  move: "suspend",
  label: "Suspend",
  icon: CirclePause,
  doing: "Suspending",
  done: "suspended. It is refused until you activate it.",
  noticed: true,
};

/** In the order of the menu. What is asked before them is in move-questions.ts. */
export const moves: MoveText<Move>[] = [
  suspend,
  {
    move: "activate",
    label: "Activate",
    icon: CirclePlay,
    doing: "Activating",
    done: "activated. It is accepted again.",
  },
  {
    move: "revoke",
    label: "Revoke",
    icon: Ban,
    done: "revoked. It will never be accepted again.",
    permanent: true,
  },
  { move: "delete", label: "Delete", icon: Trash2, done: "deleted.", permanent: true },
];

export const endOldSecret: MoveText = {
  move: "end_old_secret",
  label: "End old secret",
  icon: KeyRound,
  done: "has one secret now. The old one is refused.",
  permanent: true,
};

/** Whether a move is asked first. */
export const asksFirst = (token: ApiToken, { permanent, noticed }: MoveText, now: number) =>
  permanent === true || (noticed === true && isWithin(token.last_used_at, hourLength, now));

/** The moves that the server allows now, except those that change nothing for an expired token. */
export function movesFor(token: ApiToken, now: number): Offered<Move>[] {
  const state = stateOf(token, now);
  const pointless = (move: Move) => state === "expired" && (move === "suspend" || move === "activate");
  const held = (move: Move) => move === "activate" && state === "suspended" && token.agent_retired;
  return moves
    .filter(({ move }) => (token.available_actions[move] || held(move)) && !pointless(move))
    .map((text) =>
      held(text.move) ? { ...text, obstacle: "Its agent is retired. Reinstate it first." } : text,
    );
}
