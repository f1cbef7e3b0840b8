import { Link } from "wouter";
import type { Creation } from "./creation";
import type { Lifetimes } from "./expiry";
import { TokenForm } from "./token-form";
import { useTokenForm } from "./use-token-form";

interface AccountTokenFormProps {
  lifetimes: Lifetimes;
  creation: Creation;
  onCancel: () => void;
}

/** Asks for a new account-wide token. */
export function AccountTokenForm({ lifetimes, creation, onCancel }: AccountTokenFormProps) {
  const form = useTokenForm({ lifetimes, creation });
  return (
    <TokenForm
      form={form}
      lifetimes={lifetimes}
      text={
        <>
          It opens the whole account. For one agent in one environment,{" "}
          <Link href="/agents" className="text-accent-ink underline underline-offset-3">
            create a deployment token on the agent’s page
          </Link>
          .
        </>
      }
      placeholder="What it is for, such as CI"
      onSubmit={(event) => form.submit(event, { token_scope: "account" })}
      onCancel={onCancel}
    />
  );
}
