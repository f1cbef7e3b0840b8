import { Bar } from "../ui/bar";
import { count } from "../ui/count";
import { differing } from "../ui/differing";
import { Field } from "../ui/field";
import { FormDialog, useForm } from "../ui/form";
import { Failure, Notice } from "../ui/notice";
import { Question } from "../ui/question";
import { SelectField } from "../ui/select-field";
import { announce } from "../ui/toast";
import type { Account, AccountContents, AccountPurpose } from "../wire";
import { type AccountChange, purposes, useChangeAccount, useContents, useDeleteAccount } from "./account";

interface EditAccountDialogProps {
  account: Account;
  onClose: () => void;
  onSaved: () => void;
}

const sent = ({ purpose, organisation_name, website, name }: Record<keyof AccountChange, string>) => ({
  purpose: purpose as AccountPurpose,
  organisation_name: purpose === "personal" ? null : organisation_name.trim(),
  website: website.trim() || null,
  name: name.trim(),
});

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
    details: (values, began) => differing(sent(values), sent(began)),
    onDone: () => {
      onClose();
      onSaved();
      announce("Account updated.");
    },
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

interface DeleteAccountDialogProps {
  account: Account;
  onClose: () => void;
  onDeleted: () => void;
}

export function DeleteAccountDialog({ account, onClose, onDeleted }: DeleteAccountDialogProps) {
  const contents = useContents(account.id);
  const form = useForm({
    start: { name: "" },
    request: useDeleteAccount(account.id),
    details: (values) => values,
    onDone: () => {
      // First, since the end of the session asks to sign in again above an open question.
      onClose();
      onDeleted();
    },
  });
  const unmet = form.values.name !== account.name || !contents.data;
  return (
    <Question
      title="Delete this account?"
      yes="Delete account"
      busy={form.busy}
      unmet={unmet}
      onYes={form.submit}
      onNo={onClose}
      more={
        <form
          {...form.attributes}
          className="grid gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            if (!unmet) form.submit();
          }}
        >
          {form.problem && <Notice tone="bad">{form.problem}</Notice>}
          <Field
            label="Type the account’s name to confirm"
            hint={account.name}
            spellCheck={false}
            {...form.field("name")}
            autoComplete="off"
          />
        </form>
      }
    >
      {contents.error && !contents.data ? (
        <Failure of={contents} lead="The contents of the account could not be counted." />
      ) : (
        <>
          <p>
            This deletes <strong className="font-medium">{account.name}</strong> and everything in it:
          </p>
          <Contents contents={contents.data} />
        </>
      )}
      <p className="text-soft">
        All members are signed out and every token is refused at once. This can’t be undone.
      </p>
    </Question>
  );
}

function Contents({ contents }: { contents: AccountContents | undefined }) {
  const lines = contents && [
    count(contents.admin_users, "member"),
    count(contents.environments, "environment"),
    count(contents.agents, "agent"),
    count(contents.api_tokens, "API token"),
  ];
  return (
    <ul className="grid list-disc grid-cols-2 gap-y-1 pl-5 marker:text-soft">
      {["members", "environments", "agents", "tokens"].map((part, index) => (
        <li key={part}>{lines?.[index] ?? <Bar className="w-24" />}</li>
      ))}
    </ul>
  );
}
