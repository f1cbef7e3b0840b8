import type { ReactNode } from "react";
import { Bar } from "../ui/bar";
import { useNow } from "../ui/clock";
import { CopyValue } from "../ui/copy-value";
import { TextLink } from "../ui/text-link";
import { Time } from "../ui/time";
import { clockTime, dayText } from "../ui/time-text";
import type { ApiToken } from "../wire";
import {
  awaitsFirstUse,
  isEndingSoon,
  makerText,
  revokerText,
  scopeText,
  stateOf,
  stateWords,
} from "./wording";

/** The facts of a token. As high while it loads. */
export function TokenFacts({ token }: { token: ApiToken | undefined }) {
  return (
    <dl className="mt-5 grid gap-px overflow-hidden grid-cols-2 rounded-box border border-line bg-line lg:grid-cols-3">
      <Fact name="Token ID" className="col-span-2 lg:col-span-1">
        {token && <CopyValue what="token ID" value={token.id} />}
      </Fact>
      <Fact name="Scope" className="max-sm:col-span-2">
        {token && <Scope token={token} />}
      </Fact>
      <Fact name="Status">{token && <Status token={token} />}</Fact>
      <Fact name="Last characters">
        {token && <span className="font-mono text-small/5">…{token.hint}</span>}
      </Fact>
      <Fact name="Created">
        {token && (
          <>
            <Time at={token.inserted_at} /> {makerText(token).replace(/^Created /, "")}
          </>
        )}
      </Fact>
      <Fact name="Expires">{token && <Expiry token={token} />}</Fact>
      <Fact name="Last used">{token && <LastUse token={token} />}</Fact>
      <Fact name="Rotated">{token && (token.rotated_at ? <Time at={token.rotated_at} /> : "Never")}</Fact>
      <Fact name="Secrets" className="max-sm:col-span-2">
        {token && <Secrets token={token} />}
      </Fact>
    </dl>
  );
}

interface FactProps {
  name: string;
  className?: string;
  /** While undefined, a bar takes its place. */
  children: ReactNode;
}

function Fact({ name, className = "", children }: FactProps) {
  return (
    <div className={`bg-page px-4 py-2.5 ${className}`}>
      <dt className="text-small text-soft">{name}</dt>
      <dd className="min-h-5 min-w-0 wrap-anywhere">{children ?? <Bar className="w-40" />}</dd>
    </div>
  );
}

function Status({ token }: { token: ApiToken }) {
  const state = stateOf(token, useNow());
  if (state === "revoked" && token.revoked_at) {
    return (
      <>
        Revoked <Time at={token.revoked_at} /> {revokerText(token)}
      </>
    );
  }
  return stateWords[state];
}

function Scope({ token }: { token: ApiToken }) {
  if (token.token_scope !== "agent_deployment" || !token.agent_id) return scopeText(token);
  return (
    <>
      Agent deployment (
      <TextLink href={`/agents/${encodeURIComponent(token.agent_id)}/deployments`}>
        {token.agent_name ?? token.agent_id}
      </TextLink>{" "}
      · {token.environment_name ?? token.environment_id ?? "unknown"})
    </>
  );
}

function Expiry({ token }: { token: ApiToken }) {
  return (
    <span className={isEndingSoon(token, useNow()) ? "text-warn" : ""}>
      <Time at={token.expires_at} />, {dayText(Date.parse(token.expires_at))}
    </span>
  );
}

function LastUse({ token }: { token: ApiToken }) {
  const waits = awaitsFirstUse(token, useNow());
  if (token.last_used_at) return <Time at={token.last_used_at} note="±5 s" past />;
  return waits ? "Waiting for first use" : "Never";
}

function Secrets({ token: { old_secret: old } }: { token: ApiToken }) {
  const now = useNow();
  const until = old ? Date.parse(old.ends_at) : 0;
  return until > now ? `Two until ${clockTime(until, now)}` : "One";
}
