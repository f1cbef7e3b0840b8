import { useState } from "react";
import { ApiError, messageOf } from "../api";
import { Button } from "../ui/button";
import { Dialog, DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field } from "../ui/field";
import { Notice } from "../ui/notice";
import type { Agent } from "../wire";
import { useRegisterAgent } from "./agents";

interface RegisterAgentDialogProps {
  open: boolean;
  onClose: () => void;
  onRegistered: (agent: Agent) => void;
}

export function RegisterAgentDialog({ open, ...rest }: RegisterAgentDialogProps) {
  return (
    <Dialog open={open} onClose={rest.onClose} title="Register agent">
      <RegisterAgentForm {...rest} />
    </Dialog>
  );
}

function RegisterAgentForm({ onClose, onRegistered }: Omit<RegisterAgentDialogProps, "open">) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [unnamed, setUnnamed] = useState(false);
  const register = useRegisterAgent();
  const fields = register.error instanceof ApiError ? register.error.fields : {};
  const general = register.error && !fields.name && !fields.description ? messageOf(register.error) : null;
  return (
    <form
      noValidate
      className="contents"
      onSubmit={(event) => {
        event.preventDefault();
        setUnnamed(name.trim() === "");
        if (name.trim() === "" || register.isPending) return;
        const text = description.trim();
        register.mutate(
          { name: name.trim(), ...(text === "" ? {} : { description: text }) },
          { onSuccess: onRegistered },
        );
      }}
    >
      <DialogBody>
        <DialogText>It gets an id. Its tokens are created afterwards, one per environment.</DialogText>
        {general && <Notice tone="bad">{general}</Notice>}
        <Field
          label="Name"
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
          errors={unnamed ? ["Enter a name."] : fields.name}
        />
        <Field
          label="Description"
          optional
          autoComplete="off"
          value={description}
          onChange={(event) => setDescription(event.target.value)}
          errors={fields.description}
        />
      </DialogBody>
      <DialogFooter>
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" type="submit" busy={register.isPending}>
          Register agent
        </Button>
      </DialogFooter>
    </form>
  );
}
