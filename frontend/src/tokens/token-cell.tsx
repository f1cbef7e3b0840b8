import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { Badge, type BadgeTone } from "../ui/badge";
import { useNow } from "../ui/clock";
import { Bar } from "../ui/list-frame";
import { Time } from "../ui/time";
import type { ApiToken, TokenStatus } from "../wire";
import { expiring, makerText, scopeText, statusWords } from "./wording";

const tones: Record<TokenStatus, BadgeTone> = { active: "good", suspended: "paused", revoked: "ended" };

const facts =
  "mt-2 flex flex-wrap gap-x-4 gap-y-1 text-small text-soft md:grid md:grid-cols-[160px_180px_184px_minmax(0,1fr)]";

/** All that a row says about a token: what it is above, its times and its maker below. */
export function TokenCell({ token }: { token: ApiToken }) {
  return (
    <div className={token.status === "revoked" ? "text-soft" : ""}>
      <p className="wrap-anywhere">
        <span className="mr-2.5 inline-flex align-bottom">
          <Badge tone={tones[token.status]}>{statusWords[token.status]}</Badge>
        </span>
        <span className="font-medium">{scopeText(token)}</span>
        {token.name && <span className="ml-2.5 text-soft">{token.name}</span>}
        <span className="ml-2.5 font-mono text-small whitespace-nowrap text-soft">…{token.hint}</span>
      </p>
      <div className={facts}>
        <Fact>
          Created <Time at={token.inserted_at} />
        </Fact>
        <ExpiryFact token={token} />
        <Fact>Last used {token.last_used_at ? <Time at={token.last_used_at} note="±5 s" /> : "Never"}</Fact>
        <Fact>{makerText(token)}</Fact>
      </div>
    </div>
  );
}

function ExpiryFact({ token }: { token: ApiToken }) {
  const state = expiring(token, useNow());
  const alarming = state !== "far" && token.status !== "revoked";
  return (
    <Fact className={alarming ? (state === "past" ? "text-bad-ink" : "text-warn") : ""}>
      {alarming && (
        <TriangleAlert aria-label="Warning:" role="img" className="mr-1 inline size-3.5 align-[-2px]" />
      )}
      {state === "past" ? "Expired" : "Expires"} <Time at={token.expires_at} />
    </Fact>
  );
}

function Fact({ className = "", children }: { className?: string; children: ReactNode }) {
  return <span className={`min-w-0 wrap-anywhere ${className}`}>{children}</span>;
}

/** What stands in a row before its token is known, in the same size. */
export function TokenCellSkeleton() {
  return (
    <div>
      <div className="flex h-5 items-center gap-2.5">
        <Bar className="w-16" />
        <Bar className="w-32" />
      </div>
      <div className={facts}>
        {["w-24", "w-28", "w-24", "w-28"].map((width, index) => (
          <span key={`${width}-${index < 2}`} className="h-4 leading-4">
            <Bar className={width} />
          </span>
        ))}
      </div>
    </div>
  );
}
