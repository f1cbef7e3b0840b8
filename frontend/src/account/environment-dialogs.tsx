import { count } from "../ui/count";
import { differing } from "../ui/differing";
import { Field } from "../ui/field";
import { FormDialog, useForm } from "../ui/form";
import { isolate } from "../ui/isolate";
import { RequestQuestion } from "../ui/question";
import { SelectField } from "../ui/select-field";
import { announce } from "../ui/toast";
import type { Environment, EnvironmentPurpose } from "../wire";
import { environmentPurposes, useDeleteEnvironment, useSaveEnvironment } from "./environments";

interface EnvironmentDialogProps {
  /** undefined for a new one. */
  environment: Environment | undefined;
  /** The environments that the page has loaded. */
  known: Environment[];
  onClose: () => void;
}

const sent = ({ name, purpose, description }: EnvironmentValues) => ({
  name: name.trim(),
  purpose,
  description: description.trim() || null,
});

interface EnvironmentValues {
  name: string;
  purpose: EnvironmentPurpose;
  description: string;
}

const spelled = (name: string) => name.trim().toLowerCase();

export function EnvironmentDialog({ environment, known, onClose }: EnvironmentDialogProps) {
  const purpose: EnvironmentPurpose = environment?.purpose ?? "development";
  const form = useForm({
    start: { name: environment?.name ?? "", purpose, description: environment?.description ?? "" },
    check: ({ name }) => ({ name: name.trim() ? null : "Enter a name." }),
    request: useSaveEnvironment(environment?.id),
    details: (values, began) => (environment ? differing(sent(values), sent(began)) : sent(values)),
    onDone: ({ name }) => {
      onClose();
      announce(`${isolate(name)} ${environment ? "updated" : "created"}.`);
    },
  });
  const same = known.find(
    ({ id, name }) => id !== environment?.id && spelled(name) === spelled(form.values.name),
  );
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
      <Field
        label="Name"
        autoComplete="off"
        {...form.field("name")}
        // The API allows it, and tokens tell them apart by their IDs. People can't.
        // After a lost answer, it may be the one just created.
        hint={same && !form.problem && <span className="text-warn">Another environment has this name.</span>}
      />
      <SelectField label="Purpose" options={environmentPurposes} {...form.field("purpose")} />
      <Field label="Description" optional autoComplete="off" {...form.field("description")} />
    </FormDialog>
  );
}

interface DeleteEnvironmentDialogProps {
  environment: Environment;
  onClose: () => void;
}

export function DeleteEnvironmentDialog({ environment, onClose }: DeleteEnvironmentDialogProps) {
  const { id, name, agent_deployment_count: deployments, live_api_token_count: tokens } = environment;
  const uses = deployments + tokens;
  return (
    <RequestQuestion
      title="Delete this environment?"
      row={id}
      yes="Delete environment"
      request={useDeleteEnvironment(id)}
      tick={
        uses > 0 && {
          label: "Revoke them and delete",
          hint: "The tokens stop working at once, and the deployments are deleted.",
          required: true,
        }
      }
      done={({ revoked_api_token_count: revoked }) =>
        `${isolate(name)} deleted.${revoked > 0 ? ` ${count(revoked, "token")} revoked.` : ""}`
      }
      onClose={onClose}
    >
      <p>
        {uses > 0
          ? `${count(deployments, "deployment")} and ${count(tokens, "token")} ${uses === 1 ? "uses" : "use"} `
          : "No deployments or tokens use "}
        <strong className="font-medium">{name}</strong>.
      </p>
      <p className="text-soft">Scripts and integrations that use its ID stop working.</p>
    </RequestQuestion>
  );
}
