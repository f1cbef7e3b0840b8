import { Field } from "../ui/field";
import { FormDialog, useForm } from "../ui/form";
import { SelectField } from "../ui/select-field";
import type { Account } from "../wire";
import { purposes, useChangeAccount } from "./account";

interface EditAccountDialogProps {
  account: Account;
  onClose: () => void;
  onSaved: () => void;
}

export function EditAccountDialog({ account, onClose, onSaved }: EditAccountDialogProps) {
  const form = useForm({
    start: {
      purpose: account.purpose,
      organisation_name: account.organisation_name ?? "",
      website: account.website ?? "",
      name: account.name,
    },
    check: ({ purpose, organisation_name, name }) => ({
      name: name.trim() ? null : "Enter a name for the account.",
      organisation_name:
        purpose === "personal" || organisation_name.trim() ? null : "Enter the organisation’s name.",
    }),
    request: useChangeAccount(account.id),
    details: ({ purpose, organisation_name, website, name }) => ({
      purpose,
      organisation_name: purpose === "personal" ? null : organisation_name.trim(),
      website: website.trim() || null,
      name: name.trim(),
    }),
    onDone: onSaved,
  });
  return (
    <FormDialog form={form} title="Edit account" yes="Save changes" onClose={onClose}>
      <SelectField label="Purpose" options={purposes} {...form.field("purpose")} />
      {form.values.purpose !== "personal" && (
        <Field label="Organisation name" autoComplete="organization" {...form.field("organisation_name")} />
      )}
      <Field
        label="Website"
        optional
        type="url"
        inputMode="url"
        autoComplete="url"
        placeholder="https://example.com"
        {...form.field("website")}
      />
      <Field label="Account name" autoComplete="off" {...form.field("name")} />
    </FormDialog>
  );
}
