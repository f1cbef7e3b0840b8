import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactNode, useEffect, useState } from "react";
import { ApiError, callForOne, callForPart, isSignedOut, messageOf } from "../api";
import { Bar } from "../ui/bar";
import { Button } from "../ui/button";
import { useNow } from "../ui/clock";
import { count } from "../ui/count";
import { useWait } from "../ui/failure-text";
import { Field } from "../ui/field";
import { Failure } from "../ui/notice";
import { Question } from "../ui/question";
import { clockTime } from "../ui/time-text";
import type { ApiToken, ApiTokenUse } from "../wire";
import { questions } from "./move-questions";
import { ReasonField, takesReason } from "./reason-field";
import type { MoveText } from "./token-moves";
import { type RowMove, requestPath, tokensKey, useToken } from "./tokens";
import { dayLength, hourLength, isWithin, secretUseText, usesText } from "./use-text";
import { lastUseText, stateOf, tokenTitle, withEnd } from "./wording";

export interface Asked {
  token: ApiToken;
  text: MoveText;
  /** Why the last try failed. */
  failure?: unknown;
}

interface MoveQuestionProps {
  asked: Asked;
  /** The token as it is now; undefined if the page does not show it. */
  latest: ApiToken | undefined;
  busy: boolean;
  /** `withDescendants` includes the tokens that this one created. `reason` may be empty. */
  onYes: (withDescendants: boolean, reason: string) => void;
  /** Suspends the token instead. `asks` is whether that is asked first too. */
  onSuspend: (asks: boolean, reason: string) => void;
  onNo: () => void;
}

/**
 * Asks before a move, and shows who would notice. The more recent the last use, the more it asks. If the uses can't be
 * loaded, it asks as if the token were in use.
 */
export default function MoveQuestion({ asked, latest, busy, onYes, onSuspend, onNo }: MoveQuestionProps) {
  const { text, failure } = asked;
  const found = useToken(asked.token.id, !latest && !busy);
  const token = latest ?? found.data ?? asked.token;
  const { move, permanent } = text;
  const question = questions[move];
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState("");
  // The question must not change while it is read.
  const [now] = useState(useNow());
  const shows = move !== "end_old_secret";
  const uses = useUseInQuestion(token.id, shows);
  const wait = useWait(failure);
  // Only account tokens have any.
  const mayOffer = move === "revoke" && token.token_scope === "account";
  const created = useLiveDescendants(token.id, mayOffer);
  const isCounting = mayOffer && !created.isFetched;
  const isLate = useIsLate();
  const descendants = created.data ?? 0;
  if (!question) return null;
  const isDeleted = !latest && found.error instanceof ApiError && found.error.status === 404;
  if (!busy && (isDeleted || !isPossible(move, token))) {
    const done = isDeleted ? "deleted" : shows ? token.status : "ended";
    return (
      <Question title={`Already ${done}`} row={token.id} no="Close" onNo={onNo}>
        <p role="alert">
          {!shows && "The old secret of "}
          <strong className="font-medium">{tokenTitle(token)}</strong> was {done} in the meantime.
        </p>
      </Question>
    );
  }
  const loading = shows && uses.isPending;
  // Until the answer, the row says what will probably be asked, so that nothing jumps.
  const lastUsed = uses.data ? uses.data.last_used_at : token.last_used_at;
  const inUse = shows && (uses.isError || isWithin(lastUsed, hourLength, now));
  const used = shows && (uses.isError || isWithin(lastUsed, dayLength, now));
  // Imported tokens may have no known characters.
  const ending = token.hint || token.id.slice(-4);
  const unmet = loading || (isCounting && !isLate) || (inUse && typed.trim().replace(/^…/, "") !== ending);
  const yes = () => !unmet && !busy && wait === 0 && onYes(false, reason);
  function onEnter({ key, keyCode, nativeEvent }: KeyboardEvent) {
    // Enter may also choose the word that an input method suggests. In Safari only the key code shows that.
    const isComposing = nativeEvent.isComposing || keyCode === 229;
    if (key === "Enter" && !isComposing && descendants === 0) yes();
  }
  return (
    <Question
      title={question.title}
      row={token.id}
      look={permanent ? "danger" : "primary"}
      yes={question.yes}
      busy={busy}
      failure={failure === undefined || isSignedOut(failure) ? null : messageOf(failure)}
      wait={wait}
      unmet={unmet}
      onYes={(withDescendants) => onYes(withDescendants, reason)}
      onNo={onNo}
      instead={
        move === "revoke" &&
        used &&
        token.available_actions.suspend &&
        stateOf(token, now) === "active" && (
          <Button disabled={loading || busy} onClick={() => onSuspend(inUse, reason)}>
            Suspend instead
          </Button>
        )
      }
      more={
        (takesReason(move) || uses.isError || inUse) && (
          <>
            {isCounting && isLate && (
              <p role="status" className="text-soft">
                The tokens that it created are still being counted. You can also revoke them afterwards.
              </p>
            )}
            {created.data === undefined && (
              <Failure
                of={created}
                lead="The tokens that it created could not be counted, so they are not offered."
              />
            )}
            {(uses.isError || inUse) && (
              <>
                <Failure of={uses} lead="The uses of this token could not be loaded, so it may be in use." />
                <Field
                  label={`Last four characters of the token${token.hint ? "" : " ID"}`}
                  hint={`${uses.isError ? "" : "It was used within the last hour. "}Type ${ending} to go on.`}
                  value={typed}
                  onChange={setTyped}
                  onKeyDown={onEnter}
                  className="font-mono"
                  autoComplete="off"
                  autoCapitalize="none"
                  spellCheck={false}
                  maxLength={8}
                />
              </>
            )}
            {takesReason(move) && <ReasonField value={reason} onChange={setReason} onKeyDown={onEnter} />}
          </>
        )
      }
      tick={
        descendants > 0 && {
          label: `Also revoke the ${count(descendants, "token")} it created`,
          hint: "The count includes tokens created by those tokens. They stay as they are unless you revoke them.",
        }
      }
    >
      <p>
        <strong className="font-medium">{tokenTitle(token)}</strong>.{" "}
        {lastUseText({ last_used_at: lastUsed }, now)}
      </p>
      {shows && !uses.isError && <UseFacts use={uses.data} now={now} />}
      {!shows && token.use?.secrets && (
        <p>
          {token.old_secret && withEnd("The old secret", token.old_secret)}:{" "}
          {secretUseText(token.use.secrets.old, now, "not used since the rotation")}.
        </p>
      )}
      <p className="text-soft">{question.text[stateOf(token, now)]}</p>
    </Question>
  );
}

/** How a token is used when a question about it opens. Later uses don't change the question. */
const useUseInQuestion = (id: string, enabled: boolean) =>
  useQuery({
    queryKey: ["token-question", id],
    queryFn: ({ signal }) => callForOne<ApiTokenUse>("GET", `${requestPath(id)}/use`, { signal }),
    enabled,
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: false,
    refetchOnWindowFocus: false,
  });

/** The number of active and suspended descendants. Each question asks anew, so that none offers an old number. */
const useLiveDescendants = (id: string, enabled: boolean) =>
  useQuery({
    queryKey: [...tokensKey, "descendants", id],
    queryFn: async ({ signal }) =>
      (await callForPart<ApiToken>("/api_token", 0, 1, { descendants_of: id, live: "true" }, signal))
        .pagination.item_count,
    enabled,
    gcTime: 0,
  });

/** How long a revocation waits for the number of descendants, in milliseconds. A leaked token can't wait for a slow count. */
const longestCount = 3_000;

/** Whether the question has been open for that long. */
function useIsLate(): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), longestCount);
    return () => clearTimeout(timer);
  }, []);
  return isLate;
}

const isPossible = (move: RowMove, { old_secret, available_actions }: ApiToken) =>
  move === "end_old_secret" ? old_secret !== undefined : available_actions[move];

/** At most this many addresses; the token's page shows all. */
const fewAddresses = 2;

/** Who would notice. As high while it loads. */
function UseFacts({ use, now }: { use: ApiTokenUse | undefined; now: number }) {
  const addresses = use?.addresses ?? [];
  const more = addresses.length - fewAddresses;
  return (
    <dl className="grid gap-x-4 rounded-box border border-line px-3 py-2 sm:grid-cols-[112px_minmax(0,1fr)]">
      <Total name="Last hour" total={use?.last_hour} now={now} />
      <Total name="Last 24 hours" total={use?.last_day} now={now} />
      <Line name="Addresses" className="min-h-10">
        {use &&
          (addresses.length === 0
            ? "None"
            : addresses.slice(0, fewAddresses).map(({ address }, index) => (
                <span key={address} className="flex gap-x-2">
                  <span className="truncate font-mono text-small/5">{address}</span>
                  {index === fewAddresses - 1 && more > 0 && (
                    <span className="shrink-0 text-soft">and {more} more</span>
                  )}
                </span>
              )))}
      </Line>
    </dl>
  );
}

function Total({
  name,
  total,
  now,
}: {
  name: string;
  total: ApiTokenUse["last_day"] | undefined;
  now: number;
}) {
  const since = total?.accepted || total?.refused ? `since ${clockTime(Date.parse(total.since), now)}` : "";
  return <Line name={name}>{total && usesText(total.accepted, total.refused, since)}</Line>;
}

function Line({
  name,
  className = "min-h-5",
  children,
}: {
  name: string;
  className?: string;
  children: ReactNode;
}) {
  return (
    <>
      <dt className="text-soft">{name}</dt>
      <dd className={`min-w-0 ${className}`}>{children ?? <Bar className="w-40" />}</dd>
    </>
  );
}
