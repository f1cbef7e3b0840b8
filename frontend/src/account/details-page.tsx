import { useState } from "react";
import { Button } from "../ui/button";
import { CopyValue } from "../ui/copy-value";
import { Fact, Facts, Unknown } from "../ui/facts";
import { Failure } from "../ui/notice";
import { Changing } from "../ui/read-only";
import { Section } from "../ui/section";
import { purposes, useAccount } from "./account";
import { DeleteAccountDialog, EditAccountDialog } from "./account-dialogs";
import { AccountPage } from "./account-page";
import { BackupFact } from "./backup-fact";
import { NotificationsSection } from "./notifications-section";

interface DetailsPageProps {
  account: { id: string };
  user: { id: string };
  sendsMail: boolean;
  /** Called after a change of something that the session contains. */
  onSessionChange: () => void;
  onSessionEnd: () => void;
}

export default function DetailsPage({
  account: { id },
  user,
  sendsMail,
  onSessionChange,
  onSessionEnd,
}: DetailsPageProps) {
  const query = useAccount(id);
  const { data: account, error } = query;
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  return (
    <AccountPage
      tab="/account/details"
      action={
        <Changing>
          <Button look="primary" disabled={!account} onClick={() => setEditing(true)}>
            Edit
          </Button>
        </Changing>
      }
    >
      <Failure of={query} className="mb-3" />
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
          <BackupFact />
        </Facts>
      )}
      <NotificationsSection account={id} user={user.id} sendsMail={sendsMail} />
      {account && (
        <>
          <Changing>
            <Section
              title="Delete account"
              text="Permanently deletes everything in this account, for all members."
              action={
                <Button look="danger-quiet" onClick={() => setDeleting(true)}>
                  Delete account
                </Button>
              }
            />
          </Changing>
          {editing && (
            <EditAccountDialog
              account={account}
              onClose={() => setEditing(false)}
              onSaved={onSessionChange}
            />
          )}
          {deleting && (
            <DeleteAccountDialog
              account={account}
              onClose={() => setDeleting(false)}
              onDeleted={onSessionEnd}
            />
          )}
        </>
      )}
    </AccountPage>
  );
}
