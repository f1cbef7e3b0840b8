import type { ReactNode } from "react";
import { useLocation } from "wouter";
import { Absent, isMissing } from "../ui/absent";
import { Badge } from "../ui/badge";
import { Bar, TitleBar } from "../ui/bar";
import { Button } from "../ui/button";
import { useNow } from "../ui/clock";
import { Failure, Notice } from "../ui/notice";
import { BackLink, PageHeader } from "../ui/page";
import { Changing } from "../ui/read-only";
import { RowMenu } from "../ui/row-menu";
import { Time } from "../ui/time";
import type { ApiToken } from "../wire";
import { type Issuer, useTokenActions } from "./token-actions";
import { RetiredText, tones } from "./token-cell";
import { TokenEvents } from "./token-events";
import { TokenFacts } from "./token-facts";
import { useToken, useTokenEvents, useTokenUse } from "./tokens";
import { UseSections } from "./use-sections";
import { dayLength, isWithin, secretUseText } from "./use-text";
import { hasEnded, scopeText, stateOf, stateWords, tokenTitle, withEnd } from "./wording";

interface TokenPageProps extends Issuer {
  id: string;
  /** What its holders did, below its uses. */
  instances: ReactNode;
}

const listPath = "/account/api-tokens";
const back = <BackLink href={listPath}>API tokens</BackLink>;

/** A token's own page: its facts, its uses and its history, with all that can be done with it. */
export function TokenPage({ id, publicUrl, lifetimes, instances }: TokenPageProps) {
  const query = useToken(id);
  const uses = useTokenUse(id);
  const events = useTokenEvents(id);
  const { data: token, error } = query;
  const [, navigate] = useLocation();
  const { actionsOf, onEndOld, dialogs } = useTokenActions(
    { publicUrl, lifetimes },
    () => token,
    () => navigate(listPath, { replace: true }),
  );
  const missing = isMissing(error);
  if (error && (!token || missing)) {
    return (
      <Absent
        back={back}
        title={missing ? "No such token" : "API token"}
        tabTitle="API token"
        failed={!missing && query}
      >
        This account has no token with this ID. It may have been deleted.
      </Absent>
    );
  }
  return (
    <>
      {back}
      <PageHeader
        title={token ? (token.name ?? scopeText(token)) : <TitleBar />}
        tabTitle={token ? tokenTitle(token) : "API token"}
        action={
          token ? (
            <Actions token={token} actions={actionsOf(token)} />
          ) : (
            <span className="h-8 w-44 max-w-full pointer-coarse:h-10" />
          )
        }
      >
        <p className="mt-1 min-h-5 text-soft wrap-anywhere">
          {token ? <Standing token={token} /> : <Bar className="w-60" />}
        </p>
      </PageHeader>
      <Failure of={query} className="mt-4" />
      <TokenFacts token={token} />
      {/* Parts without a fixed height come only after the parts above have loaded, so that nothing jumps. */}
      {token && (
        <>
          <Notices token={token} onEndOld={() => onEndOld(token)} />
          <UseSections query={uses} />
          {!uses.isPending && (
            <>
              {instances}
              <TokenEvents id={id} list={events} />
            </>
          )}
        </>
      )}
      {dialogs}
    </>
  );
}

/** The usual actions as buttons, and all of them in the menu. */
function Actions({
  token,
  actions,
}: {
  token: ApiToken;
  actions: ReturnType<ReturnType<typeof useTokenActions>["actionsOf"]>;
}) {
  const usual = actions.filter(
    ({ label, obstacle }) => !obstacle && ["Suspend", "Activate", "Rotate", "Renew"].includes(label),
  );
  return (
    <>
      <Changing>
        {usual.slice(0, 2).map(({ label, busy, onChoose }) => (
          // One button for both ways keeps the focus.
          <Button key={label === "Activate" ? "Suspend" : label} busy={busy} onClick={onChoose}>
            {label}
          </Button>
        ))}
      </Changing>
      <RowMenu row={token.id} name={tokenTitle(token)} framed actions={actions} />
    </>
  );
}

function Standing({ token }: { token: ApiToken }) {
  const state = stateOf(token, useNow());
  return (
    <>
      <span className="mr-2.5 inline-block text-ink">
        <Badge tone={tones[state]}>{stateWords[state]}</Badge>
      </span>
      {token.name && <span className="mr-2.5">{scopeText(token)}</span>}
      {token.token_role === "read" && <span className="mr-2.5">Read only</span>}
      <span className="inline-block font-mono text-small">{withEnd("", token)}</span>
    </>
  );
}

function Notices({ token, onEndOld }: { token: ApiToken; onEndOld: () => void }) {
  const state = stateOf(token, useNow());
  const { use } = token;
  return (
    <>
      {state === "suspended" && token.agent_retired && (
        <Notice tone="warn" className="mt-4">
          <RetiredText token={token} />
        </Notice>
      )}
      {state !== "active" && use?.still_tried && use.last_refused_at && (
        <Notice tone="warn" className="mt-4">
          This token is still being tried. It was last refused <Time at={use.last_refused_at} past />.
        </Notice>
      )}
      {token.old_secret && !hasEnded(state) && (
        <TwoSecrets token={token} old={token.old_secret} onEndOld={onEndOld} />
      )}
    </>
  );
}

interface TwoSecretsProps {
  token: ApiToken;
  old: NonNullable<ApiToken["old_secret"]>;
  onEndOld: () => void;
}

/** The use of each of two secrets. If the old one has been unused for a day, it offers to end it. */
function TwoSecrets({ token, old, onEndOld }: TwoSecretsProps) {
  const now = useNow();
  const until = Date.parse(old.ends_at);
  if (until <= now) return null;
  const secrets = token.use?.secrets;
  const since = secrets?.old.last_used_at ?? token.rotated_at;
  const idle = secrets !== undefined && !isWithin(since, dayLength, now);
  return (
    <section
      aria-label="Two secrets"
      className="mt-4 flex flex-wrap items-center justify-between gap-x-4 gap-y-3 rounded-box border border-line bg-side px-4 py-3"
    >
      <div className="min-w-0 flex-1 basis-72 wrap-anywhere">
        <p className="font-medium">
          Two secrets until <Time at={old.ends_at} clock />
        </p>
        {secrets && (
          <p className="text-soft">
            {withEnd("Old", old)}: {secretUseText(secrets.old, now, "not used since the rotation")}.{" "}
            {withEnd("New", token)}: {secretUseText(secrets.new, now, "not used yet")}.
          </p>
        )}
        {idle && <p>The old secret has been unused for 24 hours. You can end it.</p>}
      </div>
      <Changing>
        <Button onClick={onEndOld}>End the old secret now</Button>
      </Changing>
    </section>
  );
}
