import type { KeyboardEventHandler } from "react";
import { Field } from "../ui/field";
import type { RowMove } from "./tokens";

/** The longest reason that the API takes, in characters. */
const longest = 500;

/** Whether the audit trail keeps a reason for a move. */
export const takesReason = (move: RowMove) => move === "suspend" || move === "revoke";

interface ReasonFieldProps {
  value: string;
  onChange: (reason: string) => void;
  onKeyDown?: KeyboardEventHandler<HTMLInputElement>;
}

export function ReasonField(props: ReasonFieldProps) {
  return (
    <Field
      {...props}
      label="Reason"
      optional
      hint="Kept in the audit trail."
      maxLength={longest}
      autoComplete="off"
    />
  );
}
