import { Field } from "../ui/field";
import { FormDialog, useForm } from "../ui/form";
import type { SessionUser } from "../wire";
import { useChangeProfile } from "./profile";

interface EditProfileDialogProps {
  user: SessionUser;
  onClose: () => void;
  onSaved: () => void;
}

export function EditProfileDialog({ user, onClose, onSaved }: EditProfileDialogProps) {
  const form = useForm({
    start: { name: user.name ?? "", job_title: user.job_title ?? "" },
    check: ({ name }) => ({ name: name.trim() ? null : "Enter your name." }),
    request: useChangeProfile(user.id),
    details: ({ name, job_title }) => ({ name: name.trim(), job_title: job_title.trim() || null }),
    onDone: onSaved,
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
