import { messageOf } from "../api";
import { Bar } from "../ui/bar";
import { count } from "../ui/count";
import { Question } from "../ui/dialog";
import { Field } from "../ui/field";
import { useForm } from "../ui/form";
import { Notice } from "../ui/notice";
import type { Account, AccountContents } from "../wire";
import { useContents, useDeleteAccount } from "./account";

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
    onDone: onDeleted,
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
      conditions={
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
        <Notice tone="bad" onRetry={() => void contents.refetch()}>
          The contents of the account could not be counted. {messageOf(contents.error)}
        </Notice>
      ) : (
        <>
          <p>
            <strong className="font-medium">{account.name}</strong> goes away with all that is in it:
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

/** Known numbers take the place of bars of the same height. */
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
