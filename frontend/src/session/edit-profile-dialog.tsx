import { useState } from "react";
import { fieldsOf, generalProblem } from "../api";
import { Button } from "../ui/button";
import { Dialog, DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field } from "../ui/field";
import { Notice } from "../ui/notice";
import type { SessionUser } from "../wire";
import { useChangeProfile } from "./profile";

interface EditProfileDialogProps {
  open: boolean;
  user: SessionUser;
  onClose: () => void;
  onSaved: () => void;
}

export function EditProfileDialog({ open, ...rest }: EditProfileDialogProps) {
  return (
    <Dialog open={open} onClose={rest.onClose} title="Edit profile">
      <EditProfileForm {...rest} />
    </Dialog>
  );
}

function EditProfileForm({ user, onClose, onSaved }: Omit<EditProfileDialogProps, "open">) {
  const [name, setName] = useState(user.name ?? "");
  const [jobTitle, setJobTitle] = useState(user.job_title ?? "");
  const [unnamed, setUnnamed] = useState(false);
  const change = useChangeProfile(user.id);
  const errors = fieldsOf(change.error);
  const problem = generalProblem(change.error, ["name", "job_title"]);
  return (
    <form
      noValidate
      className="contents"
      onSubmit={(event) => {
        event.preventDefault();
        setUnnamed(name.trim() === "");
        if (name.trim() === "" || change.isPending) return;
        change.mutate({ name: name.trim(), job_title: jobTitle.trim() || null }, { onSuccess: onSaved });
      }}
    >
      <DialogBody>
        <DialogText>The other members of the account see both.</DialogText>
        {problem && <Notice tone="bad">{problem}</Notice>}
        <Field
          label="Name"
          autoComplete="name"
          value={name}
          onChange={(event) => setName(event.target.value)}
          errors={unnamed ? ["Enter your name."] : errors.name}
        />
        <Field
          label="Job title"
          optional
          autoComplete="organization-title"
          value={jobTitle}
          onChange={(event) => setJobTitle(event.target.value)}
          errors={errors.job_title}
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
