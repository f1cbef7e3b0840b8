import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { messageOf } from "../api";
import { Button } from "../ui/button";
import { useNow } from "../ui/clock";
import { Dialog } from "../ui/dialog";
import { useWait } from "../ui/failure-text";
import { useOpenForm } from "../ui/leave-guard";
import { Notice } from "../ui/notice";
import { useTitle } from "../ui/page";
import { useReadOnly } from "../ui/read-only";
import { SendButton } from "../ui/send-button";
import { TextLink } from "../ui/text-link";
import { useCreation } from "./creation";
import { type Lifetimes, spelledOut } from "./expiry";
import { LostFace, SecretFace } from "./faces";
import { tokenTitle } from "./wording";

const tokenName = "Prefactor CLI";

interface CliConnectPageProps {
  account: { name: string };
  user: { email: string };
  publicUrl: string;
  lifetimes: Lifetimes;
}

/** The page that the CLI opens to log in: one confirmation, then a token to paste. */
export default function CliConnectPage({ account, user, publicUrl, lifetimes }: CliConnectPageProps) {
  useTitle("Connect the CLI");
  const [connected, setConnected] = useState(false);
  const [, navigate] = useLocation();
  const creation = useCreation(() => (created ? setConnected(true) : navigate("/")), connected);
  const { request, created, lost, left, unsettled } = creation;
  const busy = request.isPending;
  const wait = useWait(request.error);
  useOpenForm(unsettled !== undefined);
  const seconds = unsettled?.expires_in ?? Math.min(lifetimes.usual, lifetimes.max);
  const end = useNow() + seconds * 1000;
  if (useReadOnly()) {
    return (
      <Frame title="Connect the CLI">
        <p className="text-soft">You can view this account, but not create tokens. Ask an admin for one.</p>
      </Frame>
    );
  }

  if (connected) {
    return (
      <Frame title="Token created">
        <p className="text-soft">
          If you pasted it into the terminal, you can close this page. If you did not copy it, revoke “
          {tokenName}” under <TextLink href="/account/api-tokens">API tokens</TextLink> and log in again from
          the terminal.
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
        <Notice tone="warn" className="mt-4">
          {tokenTitle(left)} is still active, and no one has its secret. Revoke it under API tokens.
        </Notice>
      )}
      {request.error && (
        <Notice tone="bad" className="mt-4">
          {messageOf(request.error)}
          {creation.hint}
        </Notice>
      )}
      <div className="mt-5 flex flex-wrap gap-2">
        <SendButton
          busy={busy}
          wait={wait}
          onClick={() => request.mutate({ token_scope: "account", name: tokenName, expires_in: seconds })}
        >
          {unsettled ? "Try again" : "Connect the CLI"}
        </SendButton>
        <Button look="quiet" disabled={busy} onClick={creation.leave}>
          Cancel
        </Button>
      </div>
      <p className="mt-5 text-small text-soft">
        Continue only if you have just run <code className="font-mono">prefactor login</code> yourself.
      </p>
      {created ? (
        <Dialog onClose={creation.leave} asksOutside={!creation.copied} title="Save this token now">
          <SecretFace created={created} creation={creation} publicUrl={publicUrl} bare />
          {creation.question}
        </Dialog>
      ) : (
        creation.question
      )}
      {lost && (
        <Dialog onClose={() => creation.startOver(true)} title="The secret of this token is lost">
          <LostFace token={lost} onStartOver={creation.startOver} />
        </Dialog>
      )}
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
