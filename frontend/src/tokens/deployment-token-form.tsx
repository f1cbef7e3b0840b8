import { useId, useState } from "react";
import { messageOf } from "../api";
import { Button } from "../ui/button";
import { DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field, FieldErrors } from "../ui/field";
import { Bar } from "../ui/list-frame";
import { Notice } from "../ui/notice";
import type { Environment } from "../wire";
import type { Lifetimes } from "./expiry";
import { ExpiryField } from "./expiry-field";
import { type Created, useEnvironments } from "./tokens";
import { useTokenForm } from "./use-token-form";

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
        <div className="max-h-50 divide-y divide-line overflow-y-auto rounded-box border border-line-strong">
          {environments.data?.map((environment) => (
            <EnvironmentOption
              key={environment.id}
              name={id}
              environment={environment}
              checked={environment.id === chosen}
              onChoose={() => onChoose(environment.id)}
            />
          )) ?? [1, 2].map((row) => <EnvironmentPlaceholder key={row} />)}
        </div>
      )}
      <FieldErrors id={`${id}-errors`} label="Environment" errors={errors} />
    </fieldset>
  );
}

function EnvironmentPlaceholder() {
  return (
    <div className="flex h-9 items-center px-3">
      <Bar className="w-28" />
    </div>
  );
}

interface EnvironmentOptionProps {
  name: string;
  environment: Environment;
  checked: boolean;
  onChoose: () => void;
}

function EnvironmentOption({ name, environment, checked, onChoose }: EnvironmentOptionProps) {
  const purpose = environment.purpose.charAt(0).toUpperCase() + environment.purpose.slice(1);
  return (
    <label className="flex min-h-9 cursor-pointer items-center gap-2.5 px-3 py-1.5 hover:bg-hover has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent-ink pointer-coarse:min-h-11">
      <input
        type="radio"
        name={name}
        checked={checked}
        onChange={onChoose}
        className="size-3.5 accent-accent outline-none"
      />
      <span className="min-w-0 flex-1 wrap-anywhere">{environment.name}</span>
      {purpose !== environment.name && <span className="text-small text-soft">{purpose}</span>}
    </label>
  );
}
