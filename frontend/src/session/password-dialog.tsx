import { useState } from "react";
import { ApiError, fieldsOf, generalProblem } from "../api";
import { Button } from "../ui/button";
import { Dialog, DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Notice } from "../ui/notice";
import { useCountdown } from "./countdown";
import { PasswordField, passwordHint, passwordProblem } from "./password-field";
import { useChangePassword } from "./profile";

interface PasswordDialogProps {
  open: boolean;
  /** Tells password managers whose password this is. */
  email: string;
  onClose: () => void;
  onChanged: () => void;
}

export function PasswordDialog({ open, ...rest }: PasswordDialogProps) {
  return (
    <Dialog open={open} onClose={rest.onClose} title="Change password">
      <PasswordForm {...rest} />
    </Dialog>
  );
}

function PasswordForm({ email, onClose, onChanged }: Omit<PasswordDialogProps, "open">) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [incomplete, setIncomplete] = useState<Record<string, string[]>>({});
  const change = useChangePassword();
  const wait = useCountdown(
    change.error instanceof ApiError ? change.error.retryAfter : null,
    change.submittedAt,
  );
  const errors = Object.keys(incomplete).length > 0 ? incomplete : fieldsOf(change.error);
  const problem = generalProblem(change.error, ["current_password", "new_password"]);

  function submit() {
    const missing: Record<string, string[]> = {};
    if (!current) missing.current_password = ["Enter your current password."];
    const short = passwordProblem(next);
    if (short) missing.new_password = [short];
    setIncomplete(missing);
    if (Object.keys(missing).length > 0 || change.isPending || wait > 0) return;
    change.mutate({ current_password: current, new_password: next }, { onSuccess: onChanged });
  }

  return (
    <form
      noValidate
      className="contents"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <DialogBody>
        <DialogText>All your other sessions end at once. This one goes on.</DialogText>
        {problem && <Notice tone="bad">{problem}</Notice>}
        <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
        <PasswordField
          label="Current password"
          autoComplete="current-password"
          value={current}
          onChange={(event) => setCurrent(event.target.value)}
          errors={errors.current_password}
        />
        <PasswordField
          label="New password"
          autoComplete="new-password"
          hint={passwordHint}
          value={next}
          onChange={(event) => setNext(event.target.value)}
          errors={errors.new_password}
        />
      </DialogBody>
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" type="submit" busy={change.isPending} disabled={wait > 0}>
          {wait > 0 ? `Try again in ${wait} s` : "Change password"}
        </Button>
      </DialogFooter>
    </form>
  );
}
