import type { UseMutationResult } from "@tanstack/react-query";
import { isSignedOut } from "../api";
import { Field } from "../ui/field";
import { Form, SubmitButton, useForm } from "../ui/form";
import type { Session, SignIn } from "../wire";
import { PasswordField } from "./password-field";

interface SignInFormProps {
  signIn: UseMutationResult<Session, Error, SignIn>;
  /** Fills in the email and focuses the password. */
  email?: string;
}

export function SignInForm({ signIn, email: known = "" }: SignInFormProps) {
  const form = useForm({
    start: { email: known, password: "" },
    request: signIn,
    details: ({ email, password }) => ({ email: email.trim(), password }),
    hint: "",
  });
  const { email, password } = form.values;
  const { error } = signIn;
  // Here a 401 is about what was entered.
  const problem = error && isSignedOut(error) ? error.message : form.problem;
  return (
    <Form form={{ ...form, problem }}>
      <Field label="Email" type="email" autoComplete="username" autoFocus={!known} {...form.field("email")} />
      <PasswordField
        label="Password"
        autoComplete="current-password"
        autoFocus={Boolean(known)}
        {...form.field("password")}
      />
      <SubmitButton form={form} disabled={!email || !password}>
        Sign in
      </SubmitButton>
    </Form>
  );
}
