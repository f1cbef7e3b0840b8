import { Ban, CirclePause, CirclePlay, type LucideIcon, Trash2 } from "lucide-react";
import type { ApiToken } from "../wire";
import type { Move } from "./tokens";
import { stateOf, type TokenState } from "./wording";

export interface MoveText {
  move: Move;
  label: string;
  icon: LucideIcon;
  /** Follows the token's name after a success. */
  done: string;
  /** Asked before a permanent move; absent for others. */
  question?: { title: string; yes: string; text: Record<TokenState, string> };
}

interface Offered extends MoveText {
  /** Why the move is shown but disabled. */
  obstacle?: string;
}

const neverAgain = "This can’t be undone. You can delete the token afterwards.";
const gone = "This removes the token from the list. It is already revoked, so nothing stops working.";

/** In the order of the menu. */
export const moves: MoveText[] = [
  {
    move: "suspend",
    label: "Suspend",
    icon: CirclePause,
    done: "suspended. It is refused until you activate it.",
  },
  { move: "activate", label: "Activate", icon: CirclePlay, done: "activated. It is accepted again." },
  {
    move: "revoke",
    label: "Revoke",
    icon: Ban,
    done: "revoked. It will never be accepted again.",
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
    question: {
      title: "Delete this token?",
      yes: "Delete token",
      text: { active: gone, suspended: gone, expired: gone, revoked: gone },
    },
  },
];

/** The moves that the server allows now, except those that change nothing for an expired token. */
export function movesFor(token: ApiToken, now: number): Offered[] {
  const state = stateOf(token, now);
  const pointless = (move: Move) => state === "expired" && (move === "suspend" || move === "activate");
  const held = (move: Move) => move === "activate" && state === "suspended" && token.agent_retired;
  return moves
    .filter(({ move }) => (token.available_actions[move] || held(move)) && !pointless(move))
    .map((text) =>
      held(text.move) ? { ...text, obstacle: "Its agent is retired. Reinstate it first." } : text,
    );
}
