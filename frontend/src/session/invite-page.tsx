import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { ApiError } from "../api";
import { Bar, TitleBar } from "../ui/bar";
import { useFailureText } from "../ui/failure-text";
import { Field } from "../ui/field";
import { Form, SubmitButton, useForm } from "../ui/form";
import { Failure, Notice } from "../ui/notice";
import { useTitle } from "../ui/page";
import { TextLink } from "../ui/text-link";
import { Time } from "../ui/time";
import type { Invite } from "../wire";
import { useAcceptInvite, useInvite } from "./entering";
import { Entrance } from "./entrance";
import { PasswordField, passwordHint, passwordProblem } from "./password-field";

/** The code in the fragment; in links of older versions it is in the path. */
function codeInAddress(): string {
  const { hash, pathname } = window.location;
  return hash.slice(1) || pathname.replace(/^\/invite\/?/, "");
}

export default function InvitePage({ signedInAs }: { signedInAs: string | null }) {
  useTitle("Join");
  const [link, setLink] = useState(() => ({ code: codeInAddress(), opened: 0 }));
  useEffect(() => {
    // Browser histories and screenshots must not show the code.
    const hide = () => window.history.replaceState(null, "", "/invite");
    function take() {
      const code = codeInAddress();
      if (!code) return;
      hide();
      setLink(({ opened }) => ({ code, opened: opened + 1 }));
    }
    hide();
    // If this page is open already, the link changes only the hash.
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, []);
  if (!link.code)
    return (
      <Ended
        title="Open the invite again"
        text="Open the link in your invite again. This page does not store it."
      />
    );
  return <Invited key={link.opened} code={link.code} signedInAs={signedInAs} />;
}

function Invited({ code, signedInAs }: { code: string; signedInAs: string | null }) {
  const invite = useInvite(code);
  const ask = invite.mutate;
  useEffect(() => ask(), [ask]);
  if (isGone(invite.error)) return <DeadLink />;
  if (invite.data) return <Joining invite={invite.data} code={code} signedInAs={signedInAs} />;
  if (invite.error) {
    return (
      <Entrance title="Join the team">
        <Failure of={{ ...invite, refetch: ask }} />
      </Entrance>
    );
  }
  return (
    <Entrance title={<TitleBar />} text={<Bar className="w-72" />}>
      {null}
    </Entrance>
  );
}

const isGone = (error: unknown) => error instanceof ApiError && error.status === 404;

interface JoiningProps {
  invite: Invite;
  code: string;
  signedInAs: string | null;
}

function Joining({ invite, code, signedInAs }: JoiningProps) {
  const [, navigate] = useLocation();
  const accept = useAcceptInvite();
  const form = useForm({
    start: { name: "", password: "" },
    check: ({ name, password }) => ({
      name: name.trim() ? null : "Enter your name.",
      password: passwordProblem(password),
    }),
    request: accept,
    details: ({ name, password }) => ({ code, name: name.trim(), password }),
    hint: "You may have joined all the same. Try again to find out.",
    onDone: () => navigate("/", { replace: true }),
  });
  const { isOver } = useFailureText(accept.error);
  if (isOver) {
    return (
      <Ended
        title="You have probably joined"
        text={`The answer to your earlier try was lost. Sign in as ${invite.email} with the password you chose.`}
      />
    );
  }
  if (isGone(accept.error)) return <DeadLink />;
  return (
    <Entrance
      title={`Join ${invite.account_name}`}
      text={
        <>
          {invite.role === "viewer" && "You will be able to view the account, but not to change it. "}
          Choose a name and a password. This works once; the link ends <Time at={invite.expires_at} />.
        </>
      }
    >
      <Form form={form}>
        {signedInAs && (
          <Notice tone="warn">
            You are signed in as {signedInAs}. Joining signs you in as {invite.email} instead.
          </Notice>
        )}
        <Field label="Email" type="email" autoComplete="username" readOnly value={invite.email} />
        <Field label="Your name" autoComplete="name" autoFocus {...form.field("name")} />
        <PasswordField
          label="Password"
          autoComplete="new-password"
          hint={passwordHint}
          {...form.field("password")}
        />
        <SubmitButton form={form}>
          Join {invite.account_name.length > 30 ? "the account" : invite.account_name}
        </SubmitButton>
      </Form>
    </Entrance>
  );
}

const DeadLink = () => (
  <Ended
    title="This invite no longer works"
    text="It was used or revoked, or it has expired. Ask a member of the account for a new one."
  />
);

function Ended({ title, text }: { title: string; text: string }) {
  return (
    <Entrance title={title} text={text}>
      <TextLink href="/sign-in">Go to sign-in</TextLink>
    </Entrance>
  );
}
