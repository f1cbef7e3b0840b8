import { useState } from "react";
import { AccountPage } from "../account/account-page";
import { AccountTokens } from "../tokens/account-tokens";
import { Button, ButtonLink } from "../ui/button";
import { Changing } from "../ui/read-only";
import type { PageProps } from "./page-props";

export default function ApiTokensRoute({ publicUrl, lifetimes }: PageProps) {
  const [creating, setCreating] = useState(false);
  return (
    <AccountPage
      tab="/account/api-tokens"
      action={
        <>
          <ButtonLink href="/account/api-tokens/connect">Connect</ButtonLink>
          <Changing>
            <Button look="primary" onClick={() => setCreating(true)}>
              Create API token
            </Button>
          </Changing>
        </>
      }
    >
      <AccountTokens
        publicUrl={publicUrl}
        lifetimes={lifetimes}
        creating={creating}
        onCreating={setCreating}
      />
    </AccountPage>
  );
}
