import { type FormEvent, useState } from "react";
import { ApiError, messageOf } from "../api";
import { serverNow } from "../servertime";
import type { Creation } from "./creation";
import { type Expiry, expiryFields, expiryProblem, type Lifetimes } from "./expiry";
import type { NewToken } from "./tokens";

type Target = Pick<NewToken, "token_scope" | "agent_id" | "environment_id">;

interface TokenFormOptions {
  lifetimes: Lifetimes;
  creation: Creation;
}

export type TokenFormState = ReturnType<typeof useTokenForm>;

const ownFields = ["name", "expires_at", "expires_in", "environment_id"];

/** What both create forms share: name and expiry, the request, and its errors by field. */
export function useTokenForm({ lifetimes, creation }: TokenFormOptions) {
  const [name, setName] = useState("");
  const [expiry, setExpiry] = useState<Expiry>({
    kind: "length",
    seconds: Math.min(lifetimes.usual, lifetimes.max),
  });
  const [dateError, setDateError] = useState<string[]>([]);
  const { busy, error } = creation;

  function submit(event: FormEvent, target: Target) {
    event.preventDefault();
    if (busy) return;
    const now = serverNow();
    const problem = expiryProblem(expiry, now, lifetimes.max);
    setDateError(problem ? [problem] : []);
    if (problem) return;
    creation.create({
      ...target,
      ...expiryFields(expiry, now),
      ...(name.trim() === "" ? {} : { name: name.trim() }),
    });
  }

  const fields = error instanceof ApiError ? error.fields : {};
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
    unsettled: creation.unsettled,
    left: creation.left,
    submit,
    errors: {
      name: fields.name ?? [],
      expiry: [...dateError, ...(fields.expires_at ?? []), ...(fields.expires_in ?? [])],
      environment: fields.environment_id ?? [],
      /** What belongs to no field of the form. */
      form: error && !known ? messageOf(error) : null,
    },
  };
}
