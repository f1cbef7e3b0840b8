import { differing } from "../ui/differing";
import { Field } from "../ui/field";
import { FormDialog, useForm } from "../ui/form";
import { announce } from "../ui/toast";
import type { SessionUser } from "../wire";
import { PasswordField, passwordHint, passwordProblem } from "./password-field";
import { useChangePassword, useChangeProfile } from "./profile";

interface DialogProps {
  user: SessionUser;
  onClose: () => void;
}

const sent = ({ name, job_title }: Record<"name" | "job_title", string>) => ({
  name: name.trim(),
  job_title: job_title.trim() || null,
});

export function ProfileDialog({ user, onClose }: DialogProps) {
  const form = useForm({
    start: { name: user.name ?? "", job_title: user.job_title ?? "" },
    check: ({ name }) => ({ name: name.trim() ? null : "Enter your name." }),
    request: useChangeProfile(user.id),
    details: (values, began) => differing(sent(values), sent(began)),
    onDone: () => {
      onClose();
      announce("Profile updated.");
    },
  });
  return (
    <FormDialog
      form={form}
      title="Edit profile"
      text="Other members of the account can see both."
      yes="Save changes"
      onClose={onClose}
    >
      <Field label="Name" autoComplete="name" {...form.field("name")} />
      <Field label="Job title" optional autoComplete="organization-title" {...form.field("job_title")} />
    </FormDialog>
  );
}

export function PasswordDialog({ user, onClose }: DialogProps) {
  const form = useForm({
    start: { current_password: "", new_password: "" },
    check: ({ current_password, new_password }) => ({
      current_password: current_password ? null : "Enter your current password.",
      new_password: passwordProblem(new_password),
    }),
    request: useChangePassword(),
    details: (values) => values,
    onDone: () => {
      onClose();
      announce("Password changed. Your other sessions have ended.");
    },
  });
  return (
    <FormDialog
      form={form}
      title="Change password"
      text="Your other sessions end at once, and pending invites that you made are revoked. This session continues."
      yes="Change password"
      onClose={onClose}
    >
      {/* Tells password managers whose password it is. */}
      <input type="text" name="username" autoComplete="username" value={user.email} readOnly hidden />
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
