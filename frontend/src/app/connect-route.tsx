import { AccountPage } from "../account/account-page";
import { Connect } from "../tokens/connect/connect";
import type { Named } from "../tokens/connect/need";
import type { RouteProps } from "./routes";

export default function ConnectRoute({ account, publicUrl }: RouteProps & { account: Named }) {
  return (
    <AccountPage tab="/account/api-tokens" action={null}>
      <Connect account={account} publicUrl={publicUrl} />
    </AccountPage>
  );
}
