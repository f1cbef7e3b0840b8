import { useId, useState } from "react";
import { messageOf } from "../api";
import { Button } from "../ui/button";
import { Choice, ChoiceList, ChoicePlaceholder } from "../ui/choice-list";
import { FieldErrors } from "../ui/field";
import { Notice } from "../ui/notice";
import type { Creation } from "./creation";
import type { Lifetimes } from "./expiry";
import { TokenForm } from "./token-form";
import { useEnvironments } from "./tokens";
import { useTokenForm } from "./use-token-form";
import { purposeNote } from "./wording";

interface DeploymentTokenFormProps {
  agent: { id: string; name: string };
  lifetimes: Lifetimes;
  creation: Creation;
  onCancel: () => void;
}

/** Asks for a new token of one agent: in which environment, and for how long. */
export function DeploymentTokenForm({ agent, lifetimes, creation, onCancel }: DeploymentTokenFormProps) {
  const form = useTokenForm({ lifetimes, creation });
  const [chosen, setChosen] = useState<string>();
  const [missing, setMissing] = useState(false);
  return (
    <TokenForm
      form={form}
      lifetimes={lifetimes}
      text={`It gives ${agent.name} access in the environment you choose and nowhere else.`}
      placeholder="Where it will run, such as eu-west"
      onSubmit={(event) => {
        event.preventDefault();
        setMissing(!chosen);
        if (chosen)
          form.submit(event, { token_scope: "agent_deployment", agent_id: agent.id, environment_id: chosen });
      }}
      onCancel={onCancel}
    >
      <EnvironmentChoice
        chosen={chosen}
        onChoose={(id) => {
          setChosen(id);
          setMissing(false);
        }}
        errors={missing ? ["Choose an environment."] : form.errors.environment}
      />
    </TokenForm>
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
