import { DetailsPage } from "../account/details-page";
import { useRefreshSession, useSessionEnded } from "../session/session";

export default function DetailsRoute({ accountId }: { accountId: string }) {
  return <DetailsPage accountId={accountId} onChanged={useRefreshSession()} onDeleted={useSessionEnded()} />;
}
