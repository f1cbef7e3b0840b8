import { FormDialog, useForm } from "../ui/form";
import { PasswordField, passwordHint, passwordProblem } from "./password-field";
import { useChangePassword } from "./profile";

interface PasswordDialogProps {
  /** Tells password managers the account of the password. */
  email: string;
  onClose: () => void;
  onChanged: () => void;
}

export function PasswordDialog({ email, onClose, onChanged }: PasswordDialogProps) {
  const form = useForm({
    start: { current_password: "", new_password: "" },
    check: ({ current_password, new_password }) => ({
      current_password: current_password ? null : "Enter your current password.",
      new_password: passwordProblem(new_password),
    }),
    request: useChangePassword(),
    details: (values) => values,
    onDone: onChanged,
  });
  return (
    <FormDialog
      form={form}
      title="Change password"
      text="Your other sessions end at once. This one continues."
      yes="Change password"
      onClose={onClose}
    >
      <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
      <PasswordField
        label="Current password"
        autoComplete="current-password"
        {...form.field("current_password")}
      />
      <PasswordField
        label="New password"
        autoComplete="new-password"
        hint={passwordHint}
        {...form.field("new_password")}
      />
    </FormDialog>
  );
}
