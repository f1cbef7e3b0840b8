import { useState } from "react";
import { ApiError, messageOf } from "../api";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { useTitle } from "../ui/title";
import { useCountdown } from "./countdown";
import { Entrance } from "./entrance";
import { PasswordField } from "./password-field";
import { useSignIn } from "./session";

export function SignInPage() {
  useTitle("Sign in");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useSignIn();
  const wait = useCountdown(
    signIn.error instanceof ApiError ? signIn.error.retryAfter : null,
    signIn.submittedAt,
  );
  const fields = signIn.error instanceof ApiError ? signIn.error.fields : {};
  const problem = signIn.error && Object.keys(fields).length === 0 ? messageOf(signIn.error) : null;
  return (
    <Entrance
      title="Sign in"
      problem={problem}
      onSubmit={() => {
        if (wait === 0 && !signIn.isPending) signIn.mutate({ email: email.trim(), password });
      }}
    >
      <Field
        label="Email"
        type="email"
        name="email"
        autoComplete="username"
        autoFocus
        value={email}
        onChange={(event) => setEmail(event.target.value)}
        errors={fields.email}
      />
      <PasswordField
        label="Password"
        name="password"
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        errors={fields.password}
      />
      <Button look="primary" type="submit" busy={signIn.isPending} disabled={wait > 0 || !email || !password}>
        {wait > 0 ? `Try again in ${wait} s` : "Sign in"}
      </Button>
    </Entrance>
  );
}
