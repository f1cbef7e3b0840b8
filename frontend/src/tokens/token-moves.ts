import { Ban, CirclePause, CirclePlay, type LucideIcon, Trash2 } from "lucide-react";
import type { ApiToken } from "../wire";
import type { Move } from "./tokens";

export interface MoveText {
  move: Move;
  label: string;
  icon: LucideIcon;
  /** Said when it worked. */
  done: string;
  /** Asked before a move that ends something for good; absent where the move can be taken back. */
  question?: { title: string; yes: string; text: string };
}

/** All that can be done to a token, in the order of the menu. */
export const moves: MoveText[] = [
  {
    move: "suspend",
    label: "Suspend",
    icon: CirclePause,
    done: "Token suspended. It is refused until you activate it.",
  },
  { move: "activate", label: "Activate", icon: CirclePlay, done: "Token activated. It is accepted again." },
  {
    move: "revoke",
    label: "Revoke",
    icon: Ban,
    done: "Token revoked. It will never be accepted again.",
    question: {
      title: "Revoke this token?",
      yes: "Revoke token",
      text: "Everything that uses it is refused at once, and this can’t be undone.",
    },
  },
  {
    move: "delete",
    label: "Delete",
    icon: Trash2,
    done: "Token deleted.",
    question: {
      title: "Delete this token?",
      yes: "Delete token",
      text: "Its row goes away for good. It is revoked already, so nothing that runs is affected.",
    },
  },
];

/** What the server allows for this token now. */
export function movesFor(token: ApiToken): MoveText[] {
  return moves.filter(({ move }) => token.available_actions[move]);
}
