import type { UseMutationResult } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, fieldsOf, generalProblem } from "../api";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { Notice } from "../ui/notice";
import type { Session, SignIn } from "../wire";
import { useCountdown } from "./countdown";
import { PasswordField } from "./password-field";

interface SignInFormProps {
  signIn: UseMutationResult<Session, Error, SignIn>;
  /** The email to begin with; the password then has the focus. */
  email?: string;
}

/** Asks for email and password, tells what is wrong with them, and waits as long as the server asks. */
export function SignInForm({ signIn, email: known = "" }: SignInFormProps) {
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState("");
  const wait = useCountdown(
    signIn.error instanceof ApiError ? signIn.error.retryAfter : null,
    signIn.submittedAt,
  );
  const fields = fieldsOf(signIn.error);
  const problem = generalProblem(signIn.error, ["email", "password"]);
  return (
    <form
      noValidate
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (wait === 0 && !signIn.isPending) signIn.mutate({ email: email.trim(), password });
      }}
    >
      {problem && <Notice tone="bad">{problem}</Notice>}
      <Field
        label="Email"
        type="email"
        name="email"
        autoComplete="username"
        autoFocus={!known}
        value={email}
        onChange={(event) => setEmail(event.target.value)}
        errors={fields.email}
      />
      <PasswordField
        label="Password"
        name="password"
        autoComplete="current-password"
        autoFocus={Boolean(known)}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        errors={fields.password}
      />
      <Button look="primary" type="submit" busy={signIn.isPending} disabled={wait > 0 || !email || !password}>
        {wait > 0 ? `Try again in ${wait} s` : "Sign in"}
      </Button>
    </form>
  );
}
