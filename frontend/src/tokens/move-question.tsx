import { useNow } from "../ui/clock";
import { count } from "../ui/count";
import { Question } from "../ui/question";
import type { ApiToken } from "../wire";
import type { MoveText } from "./token-moves";
import { useLiveDescendants } from "./tokens";
import { lastUseText, stateOf, tokenTitle } from "./wording";

export interface Asked {
  token: ApiToken;
  text: MoveText;
}

interface MoveQuestionProps {
  asked: Asked;
  busy: boolean;
  /** `withDescendants` includes the tokens that this one created. */
  onYes: (withDescendants: boolean) => void;
  onNo: () => void;
}

/** Asks before a permanent move. */
export function MoveQuestion({ asked: { token, text }, busy, onYes, onNo }: MoveQuestionProps) {
  const now = useNow();
  const descendants = useLiveDescendants(text.move === "revoke" ? token : undefined);
  const { question } = text;
  if (!question) return null;
  return (
    <Question
      title={question.title}
      row={token.id}
      yes={question.yes}
      busy={busy}
      onYes={onYes}
      onNo={onNo}
      tick={
        descendants > 0 && {
          label: `Also revoke the ${count(descendants, "active token")} it created`,
          hint: "The count includes tokens created by those tokens. They keep working unless you revoke them.",
        }
      }
    >
      <p>
        <strong className="font-medium">{tokenTitle(token)}</strong>. {lastUseText(token, now)}
      </p>
      <p className="text-soft">{question.text[stateOf(token, now)]}</p>
    </Question>
  );
}
