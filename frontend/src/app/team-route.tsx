import { TeamPage } from "../account/team-page";
import { useSessionEnded } from "../session/session";
import type { PageProps } from "./page-props";

export default function TeamRoute({ account, user }: PageProps) {
  return <TeamPage accountId={account.id} ownId={user.id} onLeft={useSessionEnded()} />;
}
