import { Question } from "../ui/dialog";

/** Follows the message of a failure after which a token may exist. */
export const unsettledHint =
  " The token may have been created. Try again to find out; that does not create a second one.";

interface UnsettledQuestionProps {
  onYes: () => void;
  onNo: () => void;
}

/** Asks before a token is left behind of which no one knows whether it exists. */
export function UnsettledQuestion({ onYes, onNo }: UnsettledQuestionProps) {
  return (
    <Question title="Close without an answer?" look="primary" yes="Close" no="Back" onYes={onYes} onNo={onNo}>
      <p>
        The token may have been created, and no one would have its secret. If it appears in the list, revoke
        it there.
      </p>
    </Question>
  );
}
