import { Ban, CirclePause, CirclePlay, KeyRound, type LucideIcon, Trash2 } from "lucide-react";
import type { ApiToken } from "../wire";
import type { Move, RowMove } from "./tokens";
import { hourLength, isWithin } from "./use-text";
import { stateOf, type TokenState } from "./wording";

export interface MoveText<M extends RowMove = RowMove> {
  move: M;
  label: string;
  icon: LucideIcon;
  /** Follows the token's name after a success. */
  done: string;
  /** Asked before a permanent move, and before one that a client would notice soon. */
  question?: { title: string; yes: string; text: Record<TokenState, string> };
  /** Whether it can't be undone. It is then always asked first. */
  permanent?: boolean;
}

interface Offered<M extends RowMove> extends MoveText<M> {
  /** Why the move is shown but disabled. */
  obstacle?: string;
}

const neverAgain = "This can’t be undone. You can delete the token afterwards.";
const gone = "This removes the token from the list. It is already revoked, so nothing stops working.";

export const suspend: MoveText<Move> = {
  move: "suspend",
  label: "Suspend",
  icon: CirclePause,
  done: "suspended. It is refused until you activate it.",
  question: {
    title: "Suspend this token?",
    yes: "Suspend token",
    text: {
      active: "It is refused at once, until you activate it again.",
      suspended: "It is already suspended.",
      expired: "It has expired, so it is already refused.",
      revoked: "It is already revoked.",
    },
  },
};

/** In the order of the menu. */
export const moves: MoveText<Move>[] = [
  suspend,
  { move: "activate", label: "Activate", icon: CirclePlay, done: "activated. It is accepted again." },
  {
    move: "revoke",
    label: "Revoke",
    icon: Ban,
    done: "revoked. It will never be accepted again.",
    permanent: true,
    question: {
      title: "Revoke this token?",
      yes: "Revoke token",
      text: {
        active: "It stops working at once. This can’t be undone.",
        suspended: `It is suspended, so it is already refused. ${neverAgain}`,
        expired: `It has expired, so it is already refused. ${neverAgain}`,
        revoked: "It is already revoked.",
      },
    },
  },
  {
    move: "delete",
    label: "Delete",
    icon: Trash2,
    done: "deleted.",
    permanent: true,
    question: {
      title: "Delete this token?",
      yes: "Delete token",
      text: { active: gone, suspended: gone, expired: gone, revoked: gone },
    },
  },
];

export const endOldSecret: MoveText = {
  move: "end_old_secret",
  label: "End old secret",
  icon: KeyRound,
  done: "has one secret now. The old one is refused.",
  permanent: true,
  question: {
    title: "End the old secret now?",
    yes: "End old secret",
    text: {
      active:
        "Clients that still use the old secret are refused at once. The new one keeps working. This can’t be undone.",
      suspended:
        "The token is suspended, so both secrets are refused. The old one stays refused. This can’t be undone.",
      expired: "The token has expired, so both secrets are refused. This can’t be undone.",
      revoked: "The token is revoked, so both secrets are refused.",
    },
  },
};

/** Whether a move is asked first: a suspend only if clients used the token within the hour. */
export const asksFirst = (token: ApiToken, { question, permanent }: MoveText, now: number) =>
  question !== undefined && (permanent === true || isWithin(token.last_used_at, hourLength, now));

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
