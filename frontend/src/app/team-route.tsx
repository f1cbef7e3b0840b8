import { TeamPage } from "../account/team-page";
import { useSessionEnded } from "../session/session";

export default function TeamRoute({ accountId, ownId }: { accountId: string; ownId: string }) {
  return <TeamPage accountId={accountId} ownId={ownId} onLeft={useSessionEnded()} />;
}
