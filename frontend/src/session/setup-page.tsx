import { type ChangeEvent, useEffect, useState } from "react";
import { ApiError, messageOf } from "../api";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { useTitle } from "../ui/title";
import type { SetUp } from "../wire";
import { Entrance } from "./entrance";
import { PasswordField, passwordHint, passwordProblem } from "./password-field";
import { useSetup } from "./session";

/** All of it is asked for here, the name too. */
type Details = SetUp & { name: string };

/** The one-time code in what was pasted: the code itself, or the whole link that the server printed. */
function codeIn(text: string): string {
  return text.slice(text.indexOf("#") + 1).trim();
}

export function SetupPage() {
  useTitle("Set up");
  const [linked, setLinked] = useState(() => codeIn(window.location.hash));
  const [details, setDetails] = useState<Details>({
    code: linked,
    account_name: "",
    name: "",
    email: "",
    password: "",
  });
  const [incomplete, setIncomplete] = useState<Record<string, string[]>>({});
  const setup = useSetup();

  const forget = setup.reset;
  useEffect(() => {
    function take() {
      const code = codeIn(window.location.hash);
      if (!code) return;
      // The history would keep the code, and a screenshot of the address bar would show it.
      window.history.replaceState(null, "", window.location.pathname + window.location.search);
      setLinked(code);
      setDetails((before) => ({ ...before, code }));
      forget();
    }
    take();
    // Opening the link in a tab that shows this page already changes only the part behind the #.
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, [forget]);

  const refused = setup.error instanceof ApiError ? setup.error.fields : {};
  const errors = Object.keys(incomplete).length > 0 ? incomplete : refused;
  // A wrong code from the link has to be shown somewhere, so its field appears.
  const askCode = !linked || errors.code !== undefined;
  const problem = setup.error && Object.keys(errors).length === 0 ? messageOf(setup.error) : null;

  const bind = (field: keyof Details) => ({
    name: field,
    value: details[field],
    errors: errors[field],
    onChange: (event: ChangeEvent<HTMLInputElement>) =>
      setDetails({ ...details, [field]: event.target.value }),
  });

  return (
    <Entrance
      title="Set up Tokentab"
      text="Create the account and its first user. This works once."
      problem={problem}
      onSubmit={() => {
        const missing = missingIn(details);
        setIncomplete(missing);
        if (Object.keys(missing).length === 0 && !setup.isPending) setup.mutate(details);
      }}
    >
      {askCode && (
        <Field
          label="Setup code"
          autoComplete="off"
          spellCheck={false}
          hint="The server prints a setup link when it starts. Paste the link, or the code after its #."
          {...bind("code")}
          onChange={(event) => setDetails({ ...details, code: codeIn(event.target.value) })}
        />
      )}
      <Field
        label="Account name"
        autoComplete="organization"
        autoFocus={!askCode}
        {...bind("account_name")}
      />
      <Field label="Your name" autoComplete="name" {...bind("name")} />
      <Field label="Email" type="email" autoComplete="username" {...bind("email")} />
      <PasswordField label="Password" autoComplete="new-password" hint={passwordHint} {...bind("password")} />
      <Button look="primary" type="submit" busy={setup.isPending}>
        Create account
      </Button>
    </Entrance>
  );
}

/** What can be told without asking the server. */
function missingIn(details: Details): Record<string, string[]> {
  const errors: Record<string, string[]> = {};
  if (!details.code.trim()) errors.code = ["Enter the setup code."];
  if (!details.account_name.trim()) errors.account_name = ["Enter a name for the account."];
  if (!details.name.trim()) errors.name = ["Enter your name."];
  if (!details.email.trim()) errors.email = ["Enter your email address."];
  const problem = passwordProblem(details.password);
  if (problem) errors.password = [problem];
  return errors;
}
