import { TriangleAlert } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { Link } from "wouter";
import { Badge, type BadgeTone } from "../ui/badge";
import { Bar } from "../ui/bar";
import { useNow } from "../ui/clock";
import { TextLink } from "../ui/text-link";
import { Time } from "../ui/time";
import type { ApiToken } from "../wire";
import { pathOf } from "./tokens";
import { UseBars } from "./use-bars";
import { secretUseText } from "./use-text";
import {
  awaitsFirstUse,
  changerText,
  hasEnded,
  isEndingSoon,
  makerText,
  scopeText,
  stateOf,
  stateWords,
  type TokenState,
  tokenTitle,
  withEnd,
} from "./wording";

export const tones: Record<TokenState, BadgeTone> = {
  active: "good",
  suspended: "paused",
  expired: "ended",
  revoked: "ended",
};

/* On wide pages the status has its own column, so that names align. Elsewhere the bars are beside it. */
const columns =
  "grid grid-cols-[minmax(min-content,1fr)_minmax(0,auto)] gap-x-3 lg:grid-cols-[96px_minmax(0,1fr)_auto]";
const statusPlace = "mb-1 wrap-normal lg:mb-0";
const namePlace = "col-span-2 min-w-0 wrap-anywhere lg:col-span-1 lg:col-start-2 lg:row-start-1";
const barsPlace = "overflow-hidden col-start-2 row-start-1 lg:col-start-3";
const belowPlace = "col-span-2 min-w-0 lg:col-start-2";

const facts =
  "mt-1.5 flex flex-wrap gap-x-4 gap-y-1 text-small text-soft xl:grid xl:grid-cols-[152px_150px_160px_minmax(0,1fr)]";

/** A token's status and name, and below them its times and creator. */
export function TokenCell({ token, fresh = false }: { token: ApiToken; fresh?: boolean }) {
  const state = stateOf(token, useNow());
  const cell = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (fresh) cell.current?.scrollIntoView({ block: "nearest" });
  }, [fresh]);
  return (
    <div ref={cell} className={`${columns} ${hasEnded(state) ? "text-soft" : ""}`}>
      <p className={statusPlace}>
        <Badge tone={tones[state]}>{stateWords[state]}</Badge>
      </p>
      <p className={namePlace}>
        <Link
          href={pathOf(token.id)}
          aria-label={tokenTitle(token)}
          className={`mr-2.5 underline decoration-transparent underline-offset-3 hover:decoration-current ${hasEnded(state) ? "" : "font-medium"}`}
        >
          <bdi>{token.name ?? scopeText(token)}</bdi>
        </Link>
        {token.name && <span className="mr-2.5 inline-block max-w-full text-soft">{scopeText(token)}</span>}
        {token.token_role === "read" && (
          <span className="mr-2.5 inline-block text-small text-soft">Read only</span>
        )}
        <span className="inline-block font-mono text-small text-soft">{withEnd("", token)}</span>
        {fresh && <span className="ml-2.5 text-small font-medium text-accent-ink">New</span>}
      </p>
      <div className={barsPlace}>{token.use && <UseBars use={token.use} ended={hasEnded(state)} />}</div>
      <div className={belowPlace}>
        {state === "suspended" && token.agent_retired && (
          <p className="mt-1 text-small text-warn wrap-anywhere">
            <RetiredText token={token} />
          </p>
        )}
        {state !== "active" && token.use?.still_tried && token.use.last_refused_at && (
          <p className="mt-1 text-small text-warn wrap-anywhere">
            Still being tried: last refused <Time at={token.use.last_refused_at} past />
          </p>
        )}
        {token.old_secret && !hasEnded(state) && <OldSecretNote token={token} old={token.old_secret} />}
        <div className={facts}>
          <Fact>
            Created <Time at={token.inserted_at} />
          </Fact>
          <EndFact token={token} state={state} />
          <UseFact token={token} />
          <Fact>{makerText(token)}</Fact>
          {token.use?.last_instance && <InstanceFact instance={token.use.last_instance} />}
        </div>
      </div>
    </div>
  );
}

function UseFact({ token }: { token: ApiToken }) {
  const waits = awaitsFirstUse(token, useNow());
  if (waits) return <Fact>Waiting for first use</Fact>;
  return (
    <Fact>
      Last used {token.last_used_at ? <Time at={token.last_used_at} note="±5 s" past /> : <span>Never</span>}
    </Fact>
  );
}

type LastInstance = NonNullable<NonNullable<ApiToken["use"]>["last_instance"]>;

/** The newest run of an agent that the token registered. */
function InstanceFact({ instance: { id, agent_id, agent_name, inserted_at } }: { instance: LastInstance }) {
  return (
    <Fact className="xl:col-span-4">
      Last run by{" "}
      <Link
        href={`/agents/${encodeURIComponent(agent_id)}/instances/${encodeURIComponent(id)}`}
        aria-label={`Last instance of ${agent_name}`}
        className="underline decoration-transparent underline-offset-3 hover:decoration-current"
      >
        <bdi>{agent_name}</bdi>
      </Link>{" "}
      <Time at={inserted_at} past />
    </Fact>
  );
}

function EndFact({ token, state }: { token: ApiToken; state: TokenState }) {
  const alarming = isEndingSoon(token, useNow());
  if (state === "revoked") {
    return (
      <Fact>
        {token.revoked_at ? (
          <>
            Revoked <Time at={token.revoked_at} /> {changerText(token)}
          </>
        ) : (
          "Revoked"
        )}
      </Fact>
    );
  }
  return (
    <Fact className={alarming ? "text-warn" : ""}>
      {alarming && (
        <TriangleAlert aria-label="Warning:" role="img" className="mr-1 inline size-3.5 align-[-2px]" />
      )}
      <span>{state === "expired" ? "Expired" : "Expires"}</span> <Time at={token.expires_at} />
    </Fact>
  );
}

/** Why a token of a retired agent stays suspended, and what to do. Reinstating activates those that the retirement suspended. */
export function RetiredText({ token }: { token: ApiToken }) {
  return (
    <>
      It can’t be activated while {token.agent_name ?? "its agent"} is retired.{" "}
      <TextLink href={`/agents/${token.agent_id}/deployments`}>Reinstate the agent</TextLink> first.
    </>
  );
}

interface OldSecretNoteProps {
  token: ApiToken;
  old: NonNullable<ApiToken["old_secret"]>;
}

function OldSecretNote({ token, old }: OldSecretNoteProps) {
  const until = Date.parse(old.ends_at);
  const now = useNow();
  if (until <= now) return null;
  const uses = token.use?.secrets;
  return (
    <p className="mt-1 text-small text-soft wrap-anywhere">
      Two secrets until <Time at={old.ends_at} clock />.{" "}
      {uses ? (
        <>
          {withEnd("Old", old)}: {secretUseText(uses.old, now, "not used since the rotation")}.{" "}
          {withEnd("New", token)}: {secretUseText(uses.new, now, "not used yet")}.
        </>
      ) : (
        old.hint && `${withEnd("The old one is", old)}.`
      )}
    </p>
  );
}

function Fact({ className = "", children }: { className?: string; children: ReactNode }) {
  return <span className={`min-w-0 wrap-anywhere ${className}`}>{children}</span>;
}

/** As high as a TokenCell. */
export function TokenCellSkeleton() {
  return (
    <div className={columns}>
      <p className={`h-5 ${statusPlace}`}>
        <Bar className="w-16" />
      </p>
      <p className={`h-5 ${namePlace}`}>
        <Bar className="w-48" />
      </p>
      <div className={belowPlace}>
        <div className={facts}>
          {["w-24", "w-28", "w-24", "w-28"].map((width, index) => (
            <span key={`${width}-${index < 2}`} className="h-4">
              <Bar className={width} />
            </span>
          ))}
        </div>
      </div>
    </div>
  );
}
