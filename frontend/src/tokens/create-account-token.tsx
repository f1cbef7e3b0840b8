import { AccountTokenForm } from "./account-token-form";
import { CreateDialog } from "./create-dialog";
import type { Lifetimes } from "./expiry";

interface CreateAccountTokenProps {
  publicUrl: string;
  lifetimes: Lifetimes;
  onClose: (made?: string) => void;
}

/** The dialog that makes an account-wide token; code of its own, loaded after the list is shown. */
export default function CreateAccountToken({ lifetimes, ...rest }: CreateAccountTokenProps) {
  return (
    <CreateDialog
      {...rest}
      title="Create API token"
      form={(face) => <AccountTokenForm lifetimes={lifetimes} {...face} />}
    />
  );
}
