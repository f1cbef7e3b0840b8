import { type ReactNode, useState } from "react";
import { Link, useLocation } from "wouter";
import { messageOf } from "../api";
import { Button } from "../ui/button";
import { useNow } from "../ui/clock";
import { Dialog } from "../ui/dialog";
import { useLeaveGuard, useOpenForm } from "../ui/leave-guard";
import { Notice } from "../ui/notice";
import { useTitle } from "../ui/title";
import { useCreation } from "./creation";
import { expiryInstant, type Lifetimes, spelledOut } from "./expiry";
import { LostFace } from "./lost-face";
import { SecretFace } from "./secret-face";
import { useSecretHold } from "./secret-hold";
import { UnsettledQuestion, unsettledHint } from "./unsettled";
import { tokenTitle } from "./wording";

/** How the token is named in the list. */
const tokenName = "Prefactor CLI";

interface CliConnectPageProps {
  account: { name: string };
  user: { email: string };
  publicUrl: string;
  lifetimes: Lifetimes;
}

/** What the command line opens to log in: one confirmation, then a token to paste there. */
export default function CliConnectPage({ account, user, publicUrl, lifetimes }: CliConnectPageProps) {
  useTitle("Connect the CLI");
  const creation = useCreation();
  const { request, created, lost, left, unsettled } = creation;
  const busy = request.isPending;
  const [connected, setConnected] = useState(false);
  const hold = useSecretHold(created !== undefined && !connected, () => setConnected(true));
  const [asking, setAsking] = useState(false);
  const [, navigate] = useLocation();
  useLeaveGuard(busy && !created, () => {});
  useLeaveGuard(unsettled && !busy, () => setAsking(true), false);
  useOpenForm(unsettled);
  const expiry = { kind: "length" as const, seconds: Math.min(lifetimes.usual, lifetimes.max) };
  const end = expiryInstant(expiry, useNow()) ?? 0;

  if (connected) {
    return (
      <Frame title="The CLI has its token">
        <p className="text-soft">
          Paste it into the terminal if you have not yet, then close this page. You can revoke “{tokenName}”
          at any time under{" "}
          <Link href="/account/api-tokens" className="text-accent-ink underline underline-offset-3">
            API tokens
          </Link>
          .
        </p>
      </Frame>
    );
  }
  return (
    <Frame title="Connect the CLI">
      <p className="text-soft">
        This creates an account token named “{tokenName}”, which gives access to all of{" "}
        <strong className="font-medium text-ink wrap-anywhere">{account.name}</strong>.
      </p>
      <dl className="mt-4 grid gap-x-4 gap-y-1.5 rounded-box border border-line px-4 py-3 sm:grid-cols-[96px_minmax(0,1fr)]">
        <dt className="text-soft">Expires</dt>
        <dd>{spelledOut(end)}</dd>
        <dt className="text-soft">Created by</dt>
        <dd className="wrap-anywhere">{user.email}</dd>
      </dl>
      {left && (
        <div className="mt-4">
          <Notice tone="warn">
            {tokenTitle(left)} is still active, and no one has its secret. Revoke it under API tokens.
          </Notice>
        </div>
      )}
      {request.error && (
        <div className="mt-4">
          <Notice tone="bad">
            {messageOf(request.error)}
            {unsettled && unsettledHint}
          </Notice>
        </div>
      )}
      <div className="mt-5 flex flex-wrap gap-2">
        <Button
          look="primary"
          busy={busy}
          onClick={() =>
            request.mutate({
              token_scope: "account",
              name: tokenName,
              expires_in: expiry.seconds,
            })
          }
        >
          {unsettled ? "Try again" : "Connect the CLI"}
        </Button>
        <Button look="quiet" disabled={busy} onClick={() => (unsettled ? setAsking(true) : navigate("/"))}>
          Cancel
        </Button>
      </div>
      <p className="mt-5 text-small text-soft">
        Continue only if you have just run <code className="font-mono">prefactor login</code> yourself.
      </p>
      {created && (
        <Dialog onClose={hold.leave} asksOutside={!hold.copied} title="Save this token now">
          <SecretFace created={created} hold={hold} publicUrl={publicUrl} bare />
        </Dialog>
      )}
      {lost && (
        <Dialog onClose={() => creation.startOver(true)} title="The secret of this token is lost">
          <LostFace token={lost} onStartOver={creation.startOver} />
        </Dialog>
      )}
      {asking && <UnsettledQuestion onYes={() => navigate("/")} onNo={() => setAsking(false)} />}
    </Frame>
  );
}

function Frame({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mx-auto max-w-120 pt-[6vh]">
      <h1 className="mb-2 text-title font-semibold">{title}</h1>
      {children}
    </div>
  );
}
