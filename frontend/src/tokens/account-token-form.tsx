import { Button } from "../ui/button";
import { DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field } from "../ui/field";
import { Notice } from "../ui/notice";
import type { Lifetimes } from "./expiry";
import { ExpiryField } from "./expiry-field";
import type { Created } from "./tokens";
import { useTokenForm } from "./use-token-form";

interface AccountTokenFormProps {
  lifetimes: Lifetimes;
  onCreated: (created: Created) => void;
  onBusy: (busy: boolean) => void;
  onCancel: () => void;
}

/** Asks for a new account-wide token. */
export function AccountTokenForm({ lifetimes, onCreated, onBusy, onCancel }: AccountTokenFormProps) {
  const form = useTokenForm({ lifetimes, onCreated, onBusy });
  return (
    <form
      noValidate
      onSubmit={(event) => form.submit(event, { token_scope: "account" })}
      className="contents"
    >
      <DialogBody>
        <DialogText>
          It opens the whole account. For one agent in one environment, create a deployment token on the
          agent’s page.
        </DialogText>
        {form.errors.form && <Notice tone="bad">{form.errors.form}</Notice>}
        <Field
          label="Name"
          optional
          autoComplete="off"
          maxLength={100}
          placeholder="What it is for, such as CI"
          value={form.name}
          onChange={(event) => form.setName(event.target.value)}
          errors={form.errors.name}
        />
        <ExpiryField
          value={form.expiry}
          onChange={form.setExpiry}
          lifetimes={lifetimes}
          errors={form.errors.expiry}
        />
      </DialogBody>
      <DialogFooter>
        <Button onClick={onCancel} disabled={form.busy}>
          Cancel
        </Button>
        <Button look="primary" type="submit" busy={form.busy}>
          Create token
        </Button>
      </DialogFooter>
    </form>
  );
}
