import { useState } from "react";
import { fieldsOf, generalProblem } from "../api";
import { Button } from "../ui/button";
import { Dialog, DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field } from "../ui/field";
import { useLast } from "../ui/last";
import { Notice } from "../ui/notice";
import { focusOfRow } from "../ui/row-menu";
import { SelectField } from "../ui/select-field";
import { announce } from "../ui/toast";
import type { Environment, EnvironmentPurpose } from "../wire";
import { environmentPurposes, useSaveEnvironment } from "./environments";

interface EnvironmentDialogProps {
  open: boolean;
  /** The one to edit; undefined for a new one. */
  environment: Environment | undefined;
  onClose: () => void;
}

export function EnvironmentDialog({ open, environment, onClose }: EnvironmentDialogProps) {
  const last = useLast(open ? { id: environment?.id } : undefined);
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={environment ? "Edit environment" : "Create environment"}
      finalFocus={() => (last?.id === undefined ? null : focusOfRow(last.id, undefined))}
    >
      <EnvironmentForm environment={environment} onClose={onClose} />
    </Dialog>
  );
}

const known = ["name", "purpose", "description"];

function EnvironmentForm({ environment, onClose }: Omit<EnvironmentDialogProps, "open">) {
  const [name, setName] = useState(environment?.name ?? "");
  const [purpose, setPurpose] = useState<EnvironmentPurpose>(environment?.purpose ?? "development");
  const [description, setDescription] = useState(environment?.description ?? "");
  const [unnamed, setUnnamed] = useState(false);
  const save = useSaveEnvironment(environment?.id);
  const errors = fieldsOf(save.error);
  const problem = generalProblem(save.error, known);
  return (
    <form
      noValidate
      className="contents"
      onSubmit={(event) => {
        event.preventDefault();
        setUnnamed(name.trim() === "");
        if (name.trim() === "" || save.isPending) return;
        save.mutate(
          { name: name.trim(), purpose, description: description.trim() || null },
          {
            onSuccess: (saved) => {
              onClose();
              announce(environment ? `${saved.name} is changed.` : `${saved.name} is created.`);
            },
          },
        );
      }}
    >
      <DialogBody>
        <DialogText>
          {environment
            ? "Its id stays the same, and so do the deployments and tokens that name it."
            : "Agents are deployed in it, with tokens that open nothing outside of it."}
        </DialogText>
        {problem && <Notice tone="bad">{problem}</Notice>}
        <Field
          label="Name"
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
          errors={unnamed ? ["Enter a name."] : errors.name}
        />
        <SelectField
          label="Purpose"
          options={environmentPurposes}
          value={purpose}
          onChange={setPurpose}
          errors={errors.purpose}
        />
        <Field
          label="Description"
          optional
          autoComplete="off"
          value={description}
          onChange={(event) => setDescription(event.target.value)}
          errors={errors.description}
        />
      </DialogBody>
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" type="submit" busy={save.isPending}>
          {environment ? "Save changes" : "Create environment"}
        </Button>
      </DialogFooter>
    </form>
  );
}
