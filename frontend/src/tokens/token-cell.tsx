import { TriangleAlert } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { Badge, type BadgeTone } from "../ui/badge";
import { Bar } from "../ui/bar";
import { useNow } from "../ui/clock";
import { TextLink } from "../ui/text-link";
import { Time } from "../ui/time";
import { clockTime } from "../ui/time-text";
import type { ApiToken } from "../wire";
import {
  hasEnded,
  isEndingSoon,
  makerText,
  revokerText,
  scopeText,
  stateOf,
  stateWords,
  type TokenState,
} from "./wording";

const tones: Record<TokenState, BadgeTone> = {
  active: "good",
  suspended: "paused",
  expired: "ended",
  revoked: "ended",
};

/* The status has its own column, so that names align. */
const columns = "sm:grid sm:grid-cols-[96px_minmax(0,1fr)] sm:gap-x-3";

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
      <p className="mb-1 sm:mb-0">
        <Badge tone={tones[state]}>{stateWords[state]}</Badge>
      </p>
      <div className="min-w-0">
        <p className="wrap-anywhere">
          <span className={`mr-2.5 ${hasEnded(state) ? "" : "font-medium"}`}>
            {token.name ?? scopeText(token)}
          </span>
          {token.name && <span className="mr-2.5 inline-block max-w-full text-soft">{scopeText(token)}</span>}
          <span className="inline-block font-mono text-small text-soft">…{token.hint}</span>
          {fresh && <span className="ml-2.5 text-small font-medium text-accent-ink">New</span>}
        </p>
        {state === "suspended" && token.agent_retired && <RetiredNote token={token} />}
        {token.old_secret && !hasEnded(state) && <OldSecretNote old={token.old_secret} />}
        <div className={facts}>
          <Fact>
            Created <Time at={token.inserted_at} />
          </Fact>
          <EndFact token={token} state={state} />
          <Fact>
            Last used {token.last_used_at ? <Time at={token.last_used_at} note="±5 s" past /> : "Never"}
          </Fact>
          <Fact>{makerText(token)}</Fact>
        </div>
      </div>
    </div>
  );
}

function EndFact({ token, state }: { token: ApiToken; state: TokenState }) {
  const alarming = isEndingSoon(token, useNow());
  if (state === "revoked") {
    return (
      <Fact>
        {token.revoked_at ? (
          <>
            Revoked <Time at={token.revoked_at} /> {revokerText(token)}
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
      {state === "expired" ? "Expired" : "Expires"} <Time at={token.expires_at} />
    </Fact>
  );
}

function RetiredNote({ token }: { token: ApiToken }) {
  return (
    <p className="mt-1 text-small text-warn wrap-anywhere">
      Refused because {token.agent_name ?? "its agent"} is retired.{" "}
      <TextLink href={`/agents/${token.agent_id}/deployments`}>Reinstate the agent</TextLink> to use this
      token again.
    </p>
  );
}

function OldSecretNote({ old }: { old: NonNullable<ApiToken["old_secret"]> }) {
  const until = Date.parse(old.ends_at);
  const now = useNow();
  if (until <= now) return null;
  return (
    <p className="mt-1 text-small text-soft wrap-anywhere">
      Two secrets until <time dateTime={old.ends_at}>{clockTime(until, now)}</time>. The old one is …
      {old.hint}.
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
      <p className="mb-1 h-5 sm:mb-0">
        <Bar className="w-16" />
      </p>
      <div>
        <p className="h-5">
          <Bar className="w-48" />
        </p>
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
