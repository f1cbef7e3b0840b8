import { useRef, useState } from "react";
import { CheckField } from "../ui/check-field";
import { useNow } from "../ui/clock";
import { count } from "../ui/count";
import { Question } from "../ui/dialog";
import type { ApiToken } from "../wire";
import type { MoveText } from "./token-moves";
import { useLiveDescendants } from "./tokens";
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
  /** `withDescendants` says that the tokens that this one created go with it. */
  onYes: (asked: Asked, withDescendants: boolean) => void;
  onNo: () => void;
  finalFocus: (asked: Asked) => HTMLElement | null;
}

/** Asks before a move that can't be taken back; names the token and its last use. */
export function MoveQuestion({ asking, busy, onYes, onNo, finalFocus }: MoveQuestionProps) {
  const now = useNow();
  const [ticked, setTicked] = useState<string>();
  const revoking = asking?.text.move === "revoke" ? asking.token : undefined;
  const descendants = useLiveDescendants(revoking);
  // Text and focus belong to the closing dialog too, when nothing is asked any more.
  const last = useRef(asking);
  if (asking) last.current = asking;
  const asked = asking ?? last.current;
  const question = asked?.text.question;
  if (!asked || !question) return null;
  const withDescendants = ticked === asked.token.id && descendants > 0;
  return (
    <Question
      open={asking !== undefined}
      title={question.title}
      yes={question.yes}
      busy={busy}
      onYes={() => onYes(asked, withDescendants)}
      onNo={() => {
        setTicked(undefined);
        onNo();
      }}
      finalFocus={() => finalFocus(asked)}
      conditions={
        descendants > 0 && (
          <CheckField
            label={`Also revoke the ${count(descendants, "active token")} it created`}
            hint="Those that they created are counted, too. They keep working unless you revoke them."
            checked={withDescendants}
            onChange={(checked) => setTicked(checked ? asked.token.id : undefined)}
          />
        )
      }
    >
      <p>
        <strong className="font-medium">{tokenTitle(asked.token)}</strong>. {lastUseText(asked.token, now)}
      </p>
      <p className="text-soft">{question.text[stateOf(asked.token, now)]}</p>
    </Question>
  );
}
