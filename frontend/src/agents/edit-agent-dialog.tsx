import { useState } from "react";
import { fieldsOf, generalProblem } from "../api";
import { Button } from "../ui/button";
import { Dialog, DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field } from "../ui/field";
import { Notice } from "../ui/notice";
import { announce } from "../ui/toast";
import type { Agent } from "../wire";
import { useChangeAgent } from "./agents";

interface EditAgentDialogProps {
  open: boolean;
  agent: Agent;
  onClose: () => void;
}

export function EditAgentDialog({ open, ...rest }: EditAgentDialogProps) {
  return (
    <Dialog open={open} onClose={rest.onClose} title="Edit agent">
      <EditAgentForm {...rest} />
    </Dialog>
  );
}

function EditAgentForm({ agent, onClose }: Omit<EditAgentDialogProps, "open">) {
  const [name, setName] = useState(agent.name);
  const [description, setDescription] = useState(agent.description ?? "");
  const [unnamed, setUnnamed] = useState(false);
  const change = useChangeAgent(agent.id);
  const errors = fieldsOf(change.error);
  const problem = generalProblem(change.error, ["name", "description"]);
  return (
    <form
      noValidate
      className="contents"
      onSubmit={(event) => {
        event.preventDefault();
        setUnnamed(name.trim() === "");
        if (name.trim() === "" || change.isPending) return;
        change.mutate(
          { name: name.trim(), description: description.trim() || null },
          {
            onSuccess: () => {
              onClose();
              announce("The agent is changed.");
            },
          },
        );
      }}
    >
      <DialogBody>
        <DialogText>Its id stays the same, and its tokens go on.</DialogText>
        {problem && <Notice tone="bad">{problem}</Notice>}
        <Field
          label="Name"
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
          errors={unnamed ? ["Enter a name."] : errors.name}
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
        <Button look="primary" type="submit" busy={change.isPending}>
          Save changes
        </Button>
      </DialogFooter>
    </form>
  );
}
