import { useState } from "react";
import { messageOf } from "../api";
import { Button } from "../ui/button";
import { CopyValue } from "../ui/copy-value";
import { Fact, Facts, Unknown } from "../ui/facts";
import { Notice } from "../ui/notice";
import { Section } from "../ui/section";
import { useTitle } from "../ui/title";
import { announce } from "../ui/toast";
import { purposes, useAccount } from "./account";
import { AccountPage } from "./account-page";
import { DeleteAccountDialog } from "./delete-account-dialog";
import { EditAccountDialog } from "./edit-account-dialog";

interface DetailsPageProps {
  accountId: string;
  /** The account has another name now, which other parts of the page show too. */
  onChanged: () => void;
  /** The account is gone, and with it the session. */
  onDeleted: () => void;
}

export function DetailsPage({ accountId, onChanged, onDeleted }: DetailsPageProps) {
  useTitle("Account details");
  const { data: account, error, refetch } = useAccount(accountId);
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  return (
    <AccountPage
      tab="/account/details"
      action={
        <Button look="primary" disabled={!account} onClick={() => setEditing(true)}>
          Edit
        </Button>
      }
    >
      {error && (
        <div className="mb-3">
          <Notice tone="bad" onRetry={() => void refetch()}>
            {messageOf(error)} {account && "The data shown may be out of date."}
          </Notice>
        </div>
      )}
      {(account || !error) && (
        <Facts>
          <Fact name="Purpose">
            {account && (purposes.find(({ value }) => value === account.purpose)?.label ?? account.purpose)}
          </Fact>
          {account?.purpose !== "personal" && (
            <Fact name="Organisation name">{account && (account.organisation_name ?? <Unknown />)}</Fact>
          )}
          <Fact name="Website">
            {account &&
              (account.website ? (
                <CopyValue what="website" value={account.website} mono={false} href={account.website} />
              ) : (
                <Unknown />
              ))}
          </Fact>
          <Fact name="Account name">{account?.name}</Fact>
          <Fact name="Account ID">{account && <CopyValue what="account ID" value={account.id} />}</Fact>
        </Facts>
      )}
      {account && (
        <>
          <Section
            title="Delete account"
            text="Permanently deletes everything in this account, for all members."
            action={
              <Button look="danger-quiet" onClick={() => setDeleting(true)}>
                Delete account
              </Button>
            }
          />
          {editing && (
            <EditAccountDialog
              account={account}
              onClose={() => setEditing(false)}
              onSaved={() => {
                setEditing(false);
                onChanged();
                announce("Account updated.");
              }}
            />
          )}
          {deleting && (
            <DeleteAccountDialog account={account} onClose={() => setDeleting(false)} onDeleted={onDeleted} />
          )}
        </>
      )}
    </AccountPage>
  );
}
