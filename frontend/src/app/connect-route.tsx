import { AccountPage } from "../account/account-page";
import { Connect } from "../tokens/connect/connect";
import type { PageProps } from "./page-props";

export default function ConnectRoute({ account, publicUrl }: PageProps) {
  return (
    <AccountPage tab="/account/api-tokens" title="Connect a gateway" action={null}>
      <Connect account={account} publicUrl={publicUrl} />
    </AccountPage>
  );
}
