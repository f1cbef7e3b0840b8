import type { FormEvent, ReactNode } from "react";
import { Button } from "../ui/button";
import { DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field } from "../ui/field";
import { Notice } from "../ui/notice";
import type { Lifetimes } from "./expiry";
import { ExpiryField } from "./expiry-field";
import { unsettledHint } from "./unsettled";
import type { TokenFormState } from "./use-token-form";
import { tokenTitle } from "./wording";

interface TokenFormProps {
  form: TokenFormState;
  lifetimes: Lifetimes;
  /** What the token will open. */
  text: ReactNode;
  placeholder: string;
  onSubmit: (event: FormEvent) => void;
  onCancel: () => void;
  /** Fields of this kind of token, before the name. */
  children?: ReactNode;
}

/** The form that all kinds of new tokens share. */
export function TokenForm({
  form,
  lifetimes,
  text,
  placeholder,
  onSubmit,
  onCancel,
  children,
}: TokenFormProps) {
  const { unsettled, left } = form;
  return (
    <form noValidate className="contents" onSubmit={onSubmit}>
      <DialogBody>
        <DialogText>{text}</DialogText>
        {left && (
          <Notice tone="warn">
            {tokenTitle(left)} is still active, and no one has its secret. Revoke it in the list.
          </Notice>
        )}
        {form.errors.form && (
          <Notice tone="bad">
            {form.errors.form}
            {unsettled && unsettledHint}
          </Notice>
        )}
        {/* What was asked for without an answer is asked for again, word for word. */}
        <fieldset disabled={unsettled} className="grid min-w-0 gap-4 disabled:opacity-55">
          {children}
          <Field
            label="Name"
            optional
            autoComplete="off"
            maxLength={100}
            placeholder={placeholder}
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
        </fieldset>
      </DialogBody>
      <DialogFooter>
        <Button onClick={onCancel} disabled={form.busy}>
          {unsettled ? "Close" : "Cancel"}
        </Button>
        <Button look="primary" type="submit" busy={form.busy}>
          {unsettled ? "Try again" : "Create token"}
        </Button>
      </DialogFooter>
    </form>
  );
}
