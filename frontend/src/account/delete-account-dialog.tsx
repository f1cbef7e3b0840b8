import { useState } from "react";
import { fieldsOf, generalProblem, messageOf } from "../api";
import { Button } from "../ui/button";
import { count } from "../ui/count";
import { Question } from "../ui/dialog";
import { Field } from "../ui/field";
import { Bar } from "../ui/list-frame";
import { Notice } from "../ui/notice";
import type { Account, AccountContents } from "../wire";
import { useContents, useDeleteAccount } from "./account";

interface DeleteAccountDialogProps {
  open: boolean;
  account: Account;
  onClose: () => void;
  onDeleted: () => void;
}

/** Mounted only while open, so that a name typed once does not stand there the next time. */
export function DeleteAccountDialog({ open, ...rest }: DeleteAccountDialogProps) {
  return open ? <OpenDialog {...rest} /> : null;
}

function OpenDialog({ account, onClose, onDeleted }: Omit<DeleteAccountDialogProps, "open">) {
  const [typed, setTyped] = useState("");
  const contents = useContents(account.id, true);
  const remove = useDeleteAccount(account.id);
  const problem = generalProblem(remove.error, ["name"]);
  const unmet = typed !== account.name || !contents.data;
  const submit = () => {
    if (!unmet && !remove.isPending) remove.mutate(typed, { onSuccess: onDeleted });
  };
  return (
    <Question
      open
      title="Delete this account?"
      yes="Delete account"
      busy={remove.isPending}
      unmet={unmet}
      onYes={submit}
      onNo={onClose}
      conditions={
        <form
          noValidate
          className="grid gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          {problem && <Notice tone="bad">{problem}</Notice>}
          <Field
            label="Type the account’s name to confirm"
            hint={account.name}
            autoComplete="off"
            spellCheck={false}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            errors={fieldsOf(remove.error).name}
          />
        </form>
      }
    >
      {contents.error && !contents.data ? (
        <Notice
          tone="bad"
          action={
            <Button className="-my-1" onClick={() => void contents.refetch()}>
              Try again
            </Button>
          }
        >
          What goes with the account could not be counted. {messageOf(contents.error)}
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
