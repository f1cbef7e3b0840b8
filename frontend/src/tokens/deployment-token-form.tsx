import { useId, useState } from "react";
import { messageOf } from "../api";
import { Button } from "../ui/button";
import { Choice, ChoiceList, ChoicePlaceholder } from "../ui/choice-list";
import { DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field, FieldErrors } from "../ui/field";
import { Notice } from "../ui/notice";
import type { Lifetimes } from "./expiry";
import { ExpiryField } from "./expiry-field";
import { type Created, useEnvironments } from "./tokens";
import { useTokenForm } from "./use-token-form";
import { purposeNote } from "./wording";

interface DeploymentTokenFormProps {
  agent: { id: string; name: string };
  lifetimes: Lifetimes;
  onCreated: (created: Created) => void;
  onBusy: (busy: boolean) => void;
  onCancel: () => void;
}

/** Asks for a new token of one agent: in which environment, and for how long. */
export function DeploymentTokenForm({
  agent,
  lifetimes,
  onCreated,
  onBusy,
  onCancel,
}: DeploymentTokenFormProps) {
  const form = useTokenForm({ lifetimes, onCreated, onBusy });
  const [chosen, setChosen] = useState<string>();
  const [missing, setMissing] = useState(false);
  return (
    <form
      noValidate
      className="contents"
      onSubmit={(event) => {
        event.preventDefault();
        setMissing(!chosen);
        if (chosen)
          form.submit(event, { token_scope: "agent_deployment", agent_id: agent.id, environment_id: chosen });
      }}
    >
      <DialogBody>
        <DialogText>It lets {agent.name} in, in the environment you choose and nowhere else.</DialogText>
        {form.errors.form && <Notice tone="bad">{form.errors.form}</Notice>}
        <EnvironmentChoice
          chosen={chosen}
          onChoose={(id) => {
            setChosen(id);
            setMissing(false);
          }}
          errors={missing ? ["Choose an environment."] : form.errors.environment}
        />
        <Field
          label="Name"
          optional
          autoComplete="off"
          maxLength={100}
          placeholder="Where it will run, such as eu-west"
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

interface EnvironmentChoiceProps {
  chosen: string | undefined;
  onChoose: (id: string) => void;
  errors: string[];
}

function EnvironmentChoice({ chosen, onChoose, errors }: EnvironmentChoiceProps) {
  const id = useId();
  const environments = useEnvironments();
  return (
    <fieldset aria-describedby={`${id}-errors`} className="grid gap-1.5">
      <legend className="mb-1.5 font-medium">Environment</legend>
      {environments.error && !environments.data ? (
        <Notice tone="bad" action={<Button onClick={() => void environments.refetch()}>Try again</Button>}>
          {messageOf(environments.error)}
        </Notice>
      ) : (
        <ChoiceList>
          {environments.data?.map((environment) => (
            <Choice
              key={environment.id}
              type="radio"
              name={id}
              checked={environment.id === chosen}
              onChange={() => onChoose(environment.id)}
              note={purposeNote(environment)}
            >
              {environment.name}
            </Choice>
          )) ?? [1, 2].map((row) => <ChoicePlaceholder key={row} />)}
        </ChoiceList>
      )}
      <FieldErrors id={`${id}-errors`} label="Environment" errors={errors} />
    </fieldset>
  );
}
