import { useRef } from "react";
import { useNow } from "../ui/clock";
import { Question } from "../ui/dialog";
import type { ApiToken } from "../wire";
import type { MoveText } from "./token-moves";
import { lastUseText, stateOf, tokenTitle } from "./wording";

export interface Asked {
  token: ApiToken;
  text: MoveText;
  /** The token whose row gets the focus should this one's be gone. */
  neighbour: string | undefined;
}

interface MoveQuestionProps {
  asking: Asked | undefined;
  busy: boolean;
  onYes: (asked: Asked) => void;
  onNo: () => void;
  finalFocus: (asked: Asked) => HTMLElement | null;
}

/** Asks before a move that can't be taken back; names the token and its last use. */
export function MoveQuestion({ asking, busy, onYes, onNo, finalFocus }: MoveQuestionProps) {
  const now = useNow();
  // Text and focus belong to the closing dialog too, when nothing is asked any more.
  const last = useRef(asking);
  if (asking) last.current = asking;
  const asked = asking ?? last.current;
  const question = asked?.text.question;
  if (!asked || !question) return null;
  return (
    <Question
      open={asking !== undefined}
      title={question.title}
      yes={question.yes}
      busy={busy}
      onYes={() => onYes(asked)}
      onNo={onNo}
      finalFocus={() => finalFocus(asked)}
    >
      <p>
        <strong className="font-medium">{tokenTitle(asked.token)}</strong>. {lastUseText(asked.token, now)}
      </p>
      <p className="text-soft">{question.text[stateOf(asked.token, now)]}</p>
    </Question>
  );
}
