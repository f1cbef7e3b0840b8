import { useState } from "react";
import { fieldsOf, generalProblem } from "../api";
import { Button } from "../ui/button";
import { Dialog, DialogBody, DialogFooter } from "../ui/dialog";
import { Field } from "../ui/field";
import { Notice } from "../ui/notice";
import { SelectField } from "../ui/select-field";
import type { Account } from "../wire";
import { purposes, useChangeAccount } from "./account";

interface EditAccountDialogProps {
  open: boolean;
  account: Account;
  onClose: () => void;
  onSaved: () => void;
}

export function EditAccountDialog({ open, ...rest }: EditAccountDialogProps) {
  return (
    <Dialog open={open} onClose={rest.onClose} title="Edit account">
      <EditAccountForm {...rest} />
    </Dialog>
  );
}

const known = ["purpose", "organisation_name", "website", "name"];

function EditAccountForm({ account, onClose, onSaved }: Omit<EditAccountDialogProps, "open">) {
  const [purpose, setPurpose] = useState(account.purpose);
  const [organisation, setOrganisation] = useState(account.organisation_name ?? "");
  const [website, setWebsite] = useState(account.website ?? "");
  const [name, setName] = useState(account.name);
  const [incomplete, setIncomplete] = useState<Record<string, string[]>>({});
  const change = useChangeAccount(account.id);
  const personal = purpose === "personal";
  const errors = Object.keys(incomplete).length > 0 ? incomplete : fieldsOf(change.error);
  const problem = generalProblem(change.error, known);

  function submit() {
    const missing: Record<string, string[]> = {};
    if (!name.trim()) missing.name = ["Enter a name for the account."];
    if (!personal && !organisation.trim()) missing.organisation_name = ["Enter the organisation’s name."];
    setIncomplete(missing);
    if (Object.keys(missing).length > 0 || change.isPending) return;
    change.mutate(
      {
        purpose,
        organisation_name: personal ? null : organisation.trim(),
        website: website.trim() || null,
        name: name.trim(),
      },
      { onSuccess: onSaved },
    );
  }

  return (
    <form
      noValidate
      className="contents"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <DialogBody>
        {problem && <Notice tone="bad">{problem}</Notice>}
        <div className="h-px" />
        <SelectField
          label="Purpose"
          options={purposes}
          value={purpose}
          onChange={setPurpose}
          errors={errors.purpose}
        />
        {!personal && (
          <Field
            label="Organisation name"
            autoComplete="organization"
            value={organisation}
            onChange={(event) => setOrganisation(event.target.value)}
            errors={errors.organisation_name}
          />
        )}
        <Field
          label="Website"
          optional
          type="url"
          inputMode="url"
          autoComplete="url"
          placeholder="https://example.com"
          value={website}
          onChange={(event) => setWebsite(event.target.value)}
          errors={errors.website}
        />
        <Field
          label="Account name"
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
          errors={errors.name}
        />
      </DialogBody>
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" type="submit" busy={change.isPending}>
          Save changes
        </Button>
      </DialogFooter>
    </form>
  );
}
