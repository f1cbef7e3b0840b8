import { type ReactNode, useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { ApiError, fieldsOf, generalProblem, messageOf } from "../api";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { Bar, TitleBar } from "../ui/list-frame";
import { Notice } from "../ui/notice";
import { Time } from "../ui/time";
import { useTitle } from "../ui/title";
import type { Invite } from "../wire";
import { Entrance, EntranceFrame } from "./entrance";
import { PasswordField, passwordHint, passwordProblem } from "./password-field";
import { useAcceptInvite, useInvite } from "./session";

/** The code at the end of the link. */
function codeInAddress(): string {
  try {
    return decodeURIComponent(window.location.pathname.replace(/^\/invite\/?/, ""));
  } catch {
    return "";
  }
}

/** What an invite link opens: the invited sets name and password, once, and is signed in. */
export function InvitePage({ signedInAs }: { signedInAs: string | null }) {
  useTitle("Join");
  const [code] = useState(codeInAddress);
  const invite = useInvite(code);
  const ask = invite.mutate;
  useEffect(() => {
    if (!code) return;
    // The code must not stay in the address, where the history keeps it and a screenshot shows it.
    window.history.replaceState(null, "", "/invite");
    ask();
  }, [code, ask]);
  if (!code) return <Incomplete />;
  if (isGone(invite.error)) return <DeadLink />;
  if (invite.data) return <Joining invite={invite.data} code={code} signedInAs={signedInAs} />;
  if (invite.error) {
    return (
      <EntranceFrame title="Join the team">
        <Notice
          tone="bad"
          action={
            <Button className="-my-1" onClick={() => ask()}>
              Try again
            </Button>
          }
        >
          {messageOf(invite.error)}
        </Notice>
      </EntranceFrame>
    );
  }
  return (
    <EntranceFrame title={<TitleBar />} text={<Bar className="w-72" />}>
      {null}
    </EntranceFrame>
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
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [incomplete, setIncomplete] = useState<Record<string, string[]>>({});
  const accept = useAcceptInvite();
  if (isGone(accept.error)) return <DeadLink />;
  const errors = Object.keys(incomplete).length > 0 ? incomplete : fieldsOf(accept.error);

  function submit() {
    const missing: Record<string, string[]> = {};
    if (!name.trim()) missing.name = ["Enter your name."];
    const short = passwordProblem(password);
    if (short) missing.password = [short];
    setIncomplete(missing);
    if (Object.keys(missing).length > 0 || accept.isPending) return;
    accept.mutate(
      { code, name: name.trim(), password },
      { onSuccess: () => navigate("/", { replace: true }) },
    );
  }

  return (
    <Entrance
      title={`Join ${invite.account_name}`}
      text={
        <>
          Choose a name and a password. This works once; the link ends <Time at={invite.expires_at} />.
        </>
      }
      problem={generalProblem(accept.error, ["name", "password"])}
      onSubmit={submit}
    >
      {signedInAs && (
        <Notice tone="warn">
          You are signed in as {signedInAs}. Joining signs you in as {invite.email} instead.
        </Notice>
      )}
      <Field label="Email" type="email" autoComplete="username" readOnly value={invite.email} />
      <Field
        label="Your name"
        name="name"
        autoComplete="name"
        autoFocus
        value={name}
        onChange={(event) => setName(event.target.value)}
        errors={errors.name}
      />
      <PasswordField
        label="Password"
        name="password"
        autoComplete="new-password"
        hint={passwordHint}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        errors={errors.password}
      />
      <Button look="primary" type="submit" busy={accept.isPending}>
        Join {invite.account_name.length > 30 ? "the account" : invite.account_name}
      </Button>
    </Entrance>
  );
}

function DeadLink() {
  return (
    <Ended title="This invite no longer works">
      It was used, revoked, or is older than 7 days. Ask a member of the account for a new one.
    </Ended>
  );
}

function Incomplete() {
  return (
    <Ended title="Open the invite again">
      Its link is needed once more, as it was sent to you: this page does not keep it.
    </Ended>
  );
}

function Ended({ title, children }: { title: string; children: ReactNode }) {
  return (
    <EntranceFrame title={title} text={children}>
      <Link href="/sign-in" className="text-accent-ink underline underline-offset-3">
        Go to sign-in
      </Link>
    </EntranceFrame>
  );
}
