import { type FormEvent, useEffect, useState } from "react";
import { ApiError, messageOf } from "../api";
import { type Expiry, expiryInstant, expiryProblem, type Lifetimes } from "./expiry";
import { type Created, type NewToken, useCreateToken } from "./tokens";

type Target = Pick<NewToken, "token_scope" | "agent_id" | "environment_id">;

interface TokenFormOptions {
  lifetimes: Lifetimes;
  onCreated: (created: Created) => void;
  onBusy: (busy: boolean) => void;
}

const ownFields = ["name", "expires_at", "environment_id"];

/** What both create forms share: name and expiry, the request, and its errors by field. */
export function useTokenForm({ lifetimes, onCreated, onBusy }: TokenFormOptions) {
  const [name, setName] = useState("");
  const [expiry, setExpiry] = useState<Expiry>({
    kind: "days",
    days: Math.min(lifetimes.usual, lifetimes.max),
  });
  const [dateError, setDateError] = useState<string[]>([]);
  const create = useCreateToken(onCreated);
  const busy = create.isPending;

  // What the form does not know must not be closed away while its answer, with the secret, is on its way.
  useEffect(() => {
    onBusy(busy);
  }, [busy, onBusy]);

  function submit(event: FormEvent, target: Target) {
    event.preventDefault();
    if (busy) return;
    const now = Date.now();
    const problem = expiryProblem(expiry, now, lifetimes.max);
    setDateError(problem ? [problem] : []);
    const at = expiryInstant(expiry, now, lifetimes.max);
    if (problem || at === null) return;
    create.mutate({
      ...target,
      expires_at: new Date(at).toISOString(),
      ...(name.trim() === "" ? {} : { name: name.trim() }),
    });
  }

  const fields = create.error instanceof ApiError ? create.error.fields : {};
  const known = ownFields.some((field) => fields[field]?.length);
  return {
    name,
    setName,
    expiry,
    setExpiry: (value: Expiry) => {
      setDateError([]);
      setExpiry(value);
    },
    busy,
    submit,
    errors: {
      name: fields.name ?? [],
      expiry: [...dateError, ...(fields.expires_at ?? [])],
      environment: fields.environment_id ?? [],
      /** What belongs to no field of the form. */
      form: create.error && !known ? messageOf(create.error) : null,
    },
  };
}
