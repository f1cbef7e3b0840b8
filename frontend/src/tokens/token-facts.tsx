import { useNow } from "../ui/clock";
import { CopyValue } from "../ui/copy-value";
import { GridFact, GridFacts, Unknown } from "../ui/facts";
import { TextLink } from "../ui/text-link";
import { Time } from "../ui/time";
import { dayText } from "../ui/time-text";
import type { ApiToken } from "../wire";
import {
  awaitsFirstUse,
  changerText,
  isEndingSoon,
  makerText,
  scopeText,
  stateOf,
  stateWords,
  withEnd,
} from "./wording";

/** The facts of a token. As high while it loads. */
export function TokenFacts({ token }: { token: ApiToken | undefined }) {
  return (
    <GridFacts className="mt-5 lg:grid-cols-3">
      <GridFact name="Token ID" className="col-span-2 lg:col-span-1">
        {token && <CopyValue what="token ID" value={token.id} />}
      </GridFact>
      <GridFact name="Scope" className="max-sm:col-span-2">
        {token && <Scope token={token} />}
      </GridFact>
      <GridFact name="Status">{token && <Status token={token} />}</GridFact>
      <GridFact name="Last characters">
        {token &&
          (token.hint ? (
            <span className="font-mono text-small/5">{withEnd("", token)}</span>
          ) : (
            <Unknown>Unknown</Unknown>
          ))}
      </GridFact>
      <GridFact name="Created">
        {token && (
          <>
            <Time at={token.inserted_at} /> {makerText(token).replace(/^Created /, "")}
          </>
        )}
      </GridFact>
      <GridFact name="Expires">{token && <Expiry token={token} />}</GridFact>
      <GridFact name="Last used">{token && <LastUse token={token} />}</GridFact>
      <GridFact name="Rotated">
        {token && (token.rotated_at ? <Time at={token.rotated_at} /> : "Never")}
      </GridFact>
      <GridFact name="Secrets" className="max-sm:col-span-2">
        {token && <Secrets token={token} />}
      </GridFact>
    </GridFacts>
  );
}

function Status({ token }: { token: ApiToken }) {
  const state = stateOf(token, useNow());
  const word = <span>{stateWords[state]}</span>;
  if (state !== "revoked" && state !== "suspended") return word;
  const at = token[`${state}_at`];
  const reason = token[`${state}_reason`];
  return (
    <>
      {word} {at && <Time at={at} />} {changerText(token, state)}
      {reason && (
        <>
          : <bdi>{reason}</bdi>
        </>
      )}
    </>
  );
}

function Scope({ token }: { token: ApiToken }) {
  if (token.token_role === "read") return `${scopeText(token)}, read only`;
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
  // It ended before.
  if (token.status === "revoked") return dayText(Date.parse(token.expires_at));
  return (
    <span className={isEndingSoon(token, useNow()) ? "text-warn" : ""}>
      <Time at={token.expires_at} />, {dayText(Date.parse(token.expires_at))}
    </span>
  );
}

function LastUse({ token }: { token: ApiToken }) {
  const waits = awaitsFirstUse(token, useNow());
  if (token.last_used_at) return <Time at={token.last_used_at} note="±5 s" past />;
  return <span>{waits ? "Waiting for first use" : "Never"}</span>;
}

function Secrets({ token: { status, old_secret: old } }: { token: ApiToken }) {
  const now = useNow();
  if (status === "revoked") return <span>None</span>;
  if (!old || Date.parse(old.ends_at) <= now) return <span>One</span>;
  return (
    <>
      Two until <Time at={old.ends_at} clock />
    </>
  );
}
