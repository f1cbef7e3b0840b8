import { useEffect, useRef, useState } from "react";
import { Field } from "../ui/field";
import { Form, SubmitButton, useForm } from "../ui/form";
import { useTitle } from "../ui/page";
import type { Session, SetUp } from "../wire";
import { useSetup } from "./entering";
import { Entrance } from "./entrance";
import { PasswordField, passwordHint, passwordProblem } from "./password-field";

/** The API makes the name optional, this form does not. */
type Details = SetUp & { name: string };

/** The code in a text that is the code or the whole setup link. */
function codeIn(text: string): string {
  return text.slice(text.indexOf("#") + 1).trim();
}

export default function SetupPage() {
  useTitle("Set up");
  const [linked, setLinked] = useState(() => codeIn(window.location.hash));
  const setup = useSetup();
  const form = useForm<Details, SetUp, Session>({
    start: { code: linked, account_name: "", name: "", email: "", password: "" },
    check: (details) => ({
      code: details.code.trim() ? null : "Enter the setup code.",
      account_name: details.account_name.trim() ? null : "Enter a name for the account.",
      name: details.name.trim() ? null : "Enter your name.",
      email: details.email.trim() ? null : "Enter your email address.",
      password: passwordProblem(details.password),
    }),
    request: setup,
    details: (details) => details,
    hint: "The account may have been created all the same. Try again to find out.",
  });

  const set = useRef(form.set);
  set.current = form.set;
  const forget = setup.reset;
  useEffect(() => {
    function take() {
      const code = codeIn(window.location.hash);
      if (!code) return;
      // Browser histories and screenshots must not show the code.
      window.history.replaceState(null, "", window.location.pathname + window.location.search);
      setLinked(code);
      set.current("code", code);
      forget();
    }
    take();
    // If this page is open already, the link changes only the hash.
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, [forget]);

  // If the linked code is wrong, the field appears with the error.
  const askCode = !linked || form.field("code").errors.length > 0;
  return (
    <Entrance title="Set up Tokentab" text="Create the account and its first user. This works once.">
      <Form form={form}>
        {askCode && (
          <Field
            label="Setup code"
            autoComplete="off"
            spellCheck={false}
            hint="The server prints a setup link when it starts. Paste the link, or the code after its #."
            {...form.field("code")}
            onChange={(text) => form.set("code", codeIn(text))}
          />
        )}
        <Field
          label="Account name"
          autoComplete="organization"
          autoFocus={!askCode}
          {...form.field("account_name")}
        />
        <Field label="Your name" autoComplete="name" {...form.field("name")} />
        <Field label="Email" type="email" autoComplete="username" {...form.field("email")} />
        <PasswordField
          label="Password"
          autoComplete="new-password"
          hint={passwordHint}
          {...form.field("password")}
        />
        <SubmitButton form={form}>Create account</SubmitButton>
      </Form>
    </Entrance>
  );
}
