import type { ReactNode } from "react";
import { callForOne } from "../api";
import { useChange, useOne } from "../requests";
import { Button } from "../ui/button";
import { Notice } from "../ui/notice";
import { Changing } from "../ui/read-only";
import { Time } from "../ui/time";
import { announce, announceFailed } from "../ui/toast";
import type { Backup } from "../wire";

const failures: Record<string, string> = {
  disk_full: "The disk for backups is full.",
  no_access: "The folder for backups is missing, or the server may not write to it.",
  not_proven: "The copy differs from the database.",
  audit_broken: "The audit trail does not verify. Run tokentab audit verify on the server.",
};

/** Warns until an admin user has reviewed the tokens of a restored database, and while backups fail. */
export default function BackupBanner(): ReactNode {
  const { data } = useOne<Backup>(["backup"], "/backup");
  const review = useChange(() => callForOne<Backup>("POST", "/backup/review_restore"), ["backup"]);
  const restore = data?.restore && !data.restore.reviewed ? data.restore : undefined;
  return (
    <>
      {restore && (
        <Notice tone="warn" className="mb-3">
          <p>
            {restore.made_at ? (
              <>
                Restored from a backup made <Time at={restore.made_at} past />.
              </>
            ) : (
              <>
                An operator confirmed <Time at={restore.restored_at} past /> that the database lost changes.
              </>
            )}{" "}
            {restore.suspended
              ? "The tokens that were active then are suspended. Activate those that you still trust."
              : `Tokens that were revoked or suspended ${restore.made_at ? "since" : "before"} then may work again. Revoke those that you don't trust.`}
          </p>
          <Changing>
            <Button
              className="mt-2"
              busy={review.isPending}
              onClick={() =>
                review.mutate(undefined, {
                  onSuccess: () => announce("Tokens marked as reviewed."),
                  onError: (error) => announceFailed(error, "The review was not saved.", "restore"),
                })
              }
            >
              I have reviewed the tokens
            </Button>
          </Changing>
        </Notice>
      )}
      {data?.failure && data.failed_at && (
        <Notice tone="warn" className="mb-3">
          The last backup failed <Time at={data.failed_at} past />.{" "}
          {failures[data.failure] ?? "The server's log has the cause."}
        </Notice>
      )}
    </>
  );
}
