import { DetailsPage } from "../account/details-page";
import { useRefreshSession, useSessionEnded } from "../session/session";
import type { PageProps } from "./page-props";

export default function DetailsRoute({ account }: PageProps) {
  return <DetailsPage accountId={account.id} onChanged={useRefreshSession()} onDeleted={useSessionEnded()} />;
}
