import { useEffect, useId, useRef } from "react";
import { count } from "../ui/count";
import { isolate } from "../ui/isolate";
import { Progress } from "../ui/progress";
import { announce } from "../ui/toast";
import type { TokenMove, TokenStatus } from "../wire";

const verbs: Record<TokenStatus, { ing: string; ed: string; now: string }> = {
  active: { ing: "Activating", ed: "activated", now: "accepted" },
  suspended: { ing: "Suspending", ed: "suspended", now: "refused" },
  revoked: { ing: "Revoking", ed: "revoked", now: "refused" },
};

/** The progress of the oldest change. Its text stays the same, so that the live region around it announces only the start. */
export default function MovesUnderWay({ moves }: { moves: TokenMove[] }) {
  const id = useId();
  const before = useRef<TokenMove[]>([]);
  useEffect(() => {
    const ended = before.current.findLast((move) => !moves.some((other) => keyOf(other) === keyOf(move)));
    before.current = moves;
    if (ended)
      announce(`${subjectOf(ended)} ${verbs[ended.status].ed}. All their records are updated.`, "moves");
  }, [moves]);

  const [move, ...waiting] = moves;
  if (!move) return null;
  const { ing, now } = verbs[move.status];
  const percent = Math.min(100, Math.floor((100 * move.written_count) / move.api_token_count));
  return (
    <div className="mb-4 rounded-box border border-line bg-side px-4 py-2.5">
      <div className="flex items-start gap-3">
        <p id={id} className="min-w-0 flex-1 wrap-anywhere">
          {ing} {subjectOf(move)}.{" "}
          <span className="text-soft">
            They are already {now}. Their records are being updated.
            {waiting.length > 0 &&
              ` ${count(waiting.length, "more change")} ${waiting.length === 1 ? "is" : "are"} waiting.`}
          </span>
        </p>
        <span aria-hidden className="w-10 shrink-0 text-right text-soft">
          {percent}%
        </span>
      </div>
      <Progress labelledBy={id} percent={percent} className="mt-2" />
    </div>
  );
}

const keyOf = ({ field, id, status, inserted_at }: TokenMove) => [field, id, status, inserted_at].join();

function subjectOf(move: TokenMove): string {
  return `${count(move.api_token_count, "token")} ${whose(move)}`;
}

function whose({ field, id, agent_name, environment_name, created_by_name }: TokenMove): string {
  switch (field) {
    case "environment_id":
      return `of the environment “${isolate(environment_name ?? id)}”`;
    case "agent_id":
      return `of the agent “${isolate(agent_name ?? id)}”`;
    case "agent_deployment_id":
      return `of the agent “${isolate(agent_name ?? id)}” in “${isolate(environment_name ?? "unknown")}”`;
    case "created_by_admin_user_id":
    case "created_by_api_token_id":
      return `created by ${isolate(created_by_name ?? id)}`;
    case "account_id":
      return "of the account";
  }
}
