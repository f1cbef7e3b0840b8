import { useEffect, useId } from "react";
import { serverNow } from "../servertime";
import { Choice, ChoiceList, ChoicePlaceholder } from "../ui/choice-list";
import { Field, FieldErrors } from "../ui/field";
import { DialogForm, useForm } from "../ui/form";
import { isolate } from "../ui/isolate";
import { Failure, Notice } from "../ui/notice";
import { TextLink } from "../ui/text-link";
import type { Creation } from "./creation";
import { type Expiry, expiryFields, expiryProblem, type Lifetimes } from "./expiry";
import { ExpiryField } from "./expiry-field";
import { type NewToken, useEnvironments } from "./tokens";
import { purposeNote, tokenTitle } from "./wording";

interface TokenFormProps {
  creation: Creation;
  lifetimes: Lifetimes;
  /** Set for a deployment token, absent for an account token. */
  agent?: { id: string; name: string };
}

interface Values {
  environment_id: string;
  name: string;
  token_role: "manage" | "read";
  expires_at: Expiry;
}

export function TokenForm({ creation, lifetimes, agent }: TokenFormProps) {
  const { request, unsettled, left } = creation;
  const form = useForm<Values, NewToken, void>({
    start: {
      environment_id: "",
      name: "",
      token_role: "manage",
      expires_at: { kind: "length", seconds: Math.min(lifetimes.usual, lifetimes.max) },
    },
    check: ({ environment_id, expires_at }) =>
      // A repeated request is the server's to judge: the time and the longest lifetime may have changed since.
      unsettled
        ? {}
        : {
            environment_id: !agent || environment_id ? null : "Choose an environment.",
            expires_at: expiryProblem(expires_at, serverNow(), lifetimes.max),
          },
    request,
    details: ({ environment_id, name, token_role, expires_at }) => ({
      ...(agent
        ? { token_scope: "agent_deployment" as const, agent_id: agent.id, environment_id }
        : { token_scope: "account" as const, token_role }),
      ...expiryFields(expires_at, serverNow()),
      ...(name.trim() === "" ? {} : { name: name.trim() }),
    }),
    hint: "",
  });
  const expiry = form.field("expires_at");
  return (
    <DialogForm
      form={{ ...form, problem: form.problem && `${form.problem}${creation.hint}` }}
      text={
        agent ? (
          `It gives ${isolate(agent.name)} access to the environment you choose and nothing else.`
        ) : (
          <>
            This token is for the whole account. For one agent in one environment,{" "}
            <TextLink href="/agents">create a deployment token on the agent’s page</TextLink>.
          </>
        )
      }
      yes={unsettled ? "Try again" : "Create token"}
      no={unsettled ? "Close" : "Cancel"}
      onCancel={creation.leave}
    >
      {left && (
        <Notice tone="warn">
          {tokenTitle(left)} is still active, and no one has its secret. Revoke it in the list.
        </Notice>
      )}
      {/* Without an answer, only the same request may be sent again. */}
      <fieldset disabled={unsettled !== undefined} className="grid min-w-0 gap-4 disabled:opacity-55">
        {agent && <EnvironmentChoice {...form.field("environment_id")} />}
        <Field
          label="Name"
          optional
          maxLength={100}
          placeholder={agent ? "Its location, such as eu-west" : "Its purpose, such as CI"}
          {...form.field("name")}
          autoComplete="off"
        />
        {!agent && <RoleChoice {...form.field("token_role")} />}
        <ExpiryField
          {...expiry}
          lifetimes={lifetimes}
          errors={[...expiry.errors, ...form.toldOf("expires_in")]}
        />
      </fieldset>
    </DialogForm>
  );
}

const roles = [
  { value: "manage", label: "Manage", note: "Sees and changes everything" },
  { value: "read", label: "Read only", note: "For dashboards and exporters" },
] as const;

interface RoleChoiceProps {
  value: Values["token_role"];
  onChange: (role: Values["token_role"]) => void;
}

function RoleChoice({ value, onChange }: RoleChoiceProps) {
  const id = useId();
  return (
    <fieldset className="grid gap-1.5">
      <legend className="mb-1.5 font-medium">Access</legend>
      <ChoiceList>
        {roles.map((role) => (
          <Choice
            key={role.value}
            type="radio"
            name={id}
            checked={role.value === value}
            onChange={() => onChange(role.value)}
            note={role.note}
          >
            {role.label}
          </Choice>
        ))}
      </ChoiceList>
    </fieldset>
  );
}

interface EnvironmentChoiceProps {
  value: string;
  onChange: (id: string) => void;
  errors: string[];
}

function EnvironmentChoice({ value, onChange, errors }: EnvironmentChoiceProps) {
  const id = useId();
  const environments = useEnvironments();
  const isGone = value !== "" && environments.data?.every(({ id }) => id !== value);
  useEffect(() => {
    if (isGone) onChange("");
  });
  return (
    <fieldset
      aria-invalid={errors.length > 0 || undefined}
      aria-describedby={`${id}-errors`}
      className="grid gap-1.5"
    >
      <legend className="mb-1.5 font-medium">Environment</legend>
      {environments.error && !environments.data ? (
        <Failure of={environments} />
      ) : (
        <ChoiceList>
          {environments.data?.map((environment) => (
            <Choice
              key={environment.id}
              type="radio"
              name={id}
              checked={environment.id === value}
              onChange={() => onChange(environment.id)}
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
