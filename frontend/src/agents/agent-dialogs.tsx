import { Field } from "../ui/field";
import { FormDialog, useForm } from "../ui/form";
import { announce } from "../ui/toast";
import type { Agent } from "../wire";
import { useChangeAgent, useRegisterAgent } from "./agents";

const unnamed = ({ name }: { name: string }) => ({ name: name.trim() ? null : "Enter a name." });

interface RegisterAgentDialogProps {
  onClose: () => void;
  onRegistered: (agent: Agent) => void;
}

export function RegisterAgentDialog({ onClose, onRegistered }: RegisterAgentDialogProps) {
  const form = useForm({
    start: { name: "", description: "" },
    check: unnamed,
    request: useRegisterAgent(),
    details: ({ name, description }) => ({
      name: name.trim(),
      ...(description.trim() ? { description: description.trim() } : {}),
    }),
    onDone: onRegistered,
  });
  return (
    <FormDialog
      form={form}
      title="Register agent"
      text="The agent gets an ID. Then you create its tokens, one for each environment."
      yes="Register agent"
      onClose={onClose}
    >
      <Field label="Name" autoComplete="off" {...form.field("name")} />
      <Field label="Description" optional autoComplete="off" {...form.field("description")} />
    </FormDialog>
  );
}

export function EditAgentDialog({ agent, onClose }: { agent: Agent; onClose: () => void }) {
  const form = useForm({
    start: { name: agent.name, description: agent.description ?? "" },
    check: unnamed,
    request: useChangeAgent(agent.id),
    details: ({ name, description }) => ({
      name: name.trim(),
      description: description.trim() || null,
    }),
    onDone: () => {
      onClose();
      announce("Agent updated.");
    },
  });
  return (
    <FormDialog
      form={form}
      title="Edit agent"
      text="Its ID stays the same, and its tokens keep working."
      yes="Save changes"
      onClose={onClose}
    >
      <Field label="Name" autoComplete="off" {...form.field("name")} />
      <Field label="Description" optional autoComplete="off" {...form.field("description")} />
    </FormDialog>
  );
}
