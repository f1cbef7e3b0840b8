import { KeyRound } from "lucide-react";
import { Button } from "../ui/button";
import { EmptyList } from "../ui/list-frame";
import { useTitle } from "../ui/title";
import { AccountTokenForm } from "./account-token-form";
import { CreateDialog } from "./create-dialog";
import type { Lifetimes } from "./expiry";
import { TokenList } from "./token-list";

interface AccountTokensProps {
  publicUrl: string;
  lifetimes: Lifetimes;
  creating: boolean;
  onCreating: (creating: boolean) => void;
}

const everyToken = {};

/** Every token of the account, and the dialog that makes account-wide ones. */
export function AccountTokens({ publicUrl, lifetimes, creating, onCreating }: AccountTokensProps) {
  useTitle("API tokens");
  return (
    <>
      <TokenList
        name="API tokens"
        filter={everyToken}
        empty={
          <EmptyList
            icon={<KeyRound aria-hidden className="size-6" />}
            title="No API tokens yet"
            text="Create one to let a script, a CI job or a service talk to this account."
            action={
              <Button look="secondary" onClick={() => onCreating(true)}>
                Create your first token
              </Button>
            }
          />
        }
      />
      <CreateDialog
        open={creating}
        onClose={() => onCreating(false)}
        title="Create API token"
        publicUrl={publicUrl}
        form={(face) => <AccountTokenForm lifetimes={lifetimes} {...face} />}
      />
    </>
  );
}
