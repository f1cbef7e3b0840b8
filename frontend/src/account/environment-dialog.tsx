import { Field } from "../ui/field";
import { FormDialog, useForm } from "../ui/form";
import { SelectField } from "../ui/select-field";
import { announce } from "../ui/toast";
import type { Environment, EnvironmentPurpose } from "../wire";
import { environmentPurposes, useSaveEnvironment } from "./environments";

interface EnvironmentDialogProps {
  /** The one to edit; undefined for a new one. */
  environment: Environment | undefined;
  onClose: () => void;
}

export function EnvironmentDialog({ environment, onClose }: EnvironmentDialogProps) {
  const purpose: EnvironmentPurpose = environment?.purpose ?? "development";
  const form = useForm({
    start: { name: environment?.name ?? "", purpose, description: environment?.description ?? "" },
    check: ({ name }) => ({ name: name.trim() ? null : "Enter a name." }),
    request: useSaveEnvironment(environment?.id),
    details: ({ name, purpose, description }) => ({
      name: name.trim(),
      purpose,
      description: description.trim() || null,
    }),
    onDone: ({ name }) => {
      onClose();
      announce(environment ? `${name} updated.` : `${name} created.`);
    },
  });
  return (
    <FormDialog
      form={form}
      title={environment ? "Edit environment" : "Create environment"}
      text={
        environment
          ? "Its ID, deployments and tokens stay the same."
          : "Agents run in an environment. Their tokens work in no other."
      }
      yes={environment ? "Save changes" : "Create environment"}
      row={environment?.id}
      onClose={onClose}
    >
      <Field label="Name" autoComplete="off" {...form.field("name")} />
      <SelectField label="Purpose" options={environmentPurposes} {...form.field("purpose")} />
      <Field label="Description" optional autoComplete="off" {...form.field("description")} />
    </FormDialog>
  );
}
