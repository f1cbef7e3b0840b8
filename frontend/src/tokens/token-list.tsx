import { Copy, RefreshCw, SearchX } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import { Button } from "../ui/button";
import { copyText } from "../ui/clipboard";
import { useNow } from "../ui/clock";
import { type Empty, List, menuColumn } from "../ui/list";
import { announce, announceFailure } from "../ui/toast";
import type { ApiToken } from "../wire";
import type { Lifetimes } from "./expiry";
import { type Filter, filterOf } from "./find";
import { FindBar } from "./find-bar";
import { type Asked, MoveQuestion } from "./move-question";
import type { Rotating } from "./rotate-dialog";
import { selectionText } from "./selection";
import { useSummary } from "./summary";
import { TokenCell, TokenCellSkeleton } from "./token-cell";
import { endOldSecret, type MoveText, movesFor } from "./token-moves";
import { onlyOf, useTokens } from "./tokens";
import { useFind } from "./use-find";
import { useMoves } from "./use-moves";
import { useSelection } from "./use-selection";
import { isEndingSoon, stateOf, tokenTitle } from "./wording";

// Their code loads after the list is shown.
const CreateDialog = lazy(() => import("./create-dialog"));
const BulkActions = lazy(() =>
  import("./bulk-actions").catch(() => {
    announceFailure("The actions could not be loaded. Reload the page to try again.");
    return { default: () => <></> };
  }),
);
const RotateDialog = lazy(() => import("./rotate-dialog"));

export interface Creating {
  publicUrl: string;
  lifetimes: Lifetimes;
  creating: boolean;
  onCreating: (creating: boolean) => void;
}

interface TokenListProps extends Creating {
  name: string;
  /** Limits the list and the dialog to this agent's deployment tokens. */
  agent?: { id: string; name: string };
  empty: Empty;
}

/** An agent's page lists deployment tokens of this agent. */
const setByAgent: Filter[] = ["scope", "agent"];

/** The tokens with their search, menus and dialogs. */
export function TokenList({ name, agent, empty, creating, onCreating, ...making }: TokenListProps) {
  const without = agent ? setByAgent : [];
  const finding = useFind(without);
  const list = useTokens(agent?.id, finding.find);
  const summary = useSummary(agent?.id);
  const filterButton = useRef<HTMLButtonElement>(null);
  const [asking, setAsking] = useState<Asked>();
  const [rotating, setRotating] = useState<Rotating>();
  /** The id of the token just created here, whose row is marked. */
  const [fresh, setFresh] = useState<string>();
  const { move, busy } = useMoves();
  const now = useNow();
  const { items, pagination, turning } = list;
  const filter = { ...filterOf(finding.find), ...onlyOf(agent?.id) };
  const { selection, some, change, picking } = useSelection(JSON.stringify(filter), items);
  const nothing = pagination?.item_count === 0 && !finding.narrowed && !turning;
  function clear() {
    finding.clear();
    // The focused button is gone.
    filterButton.current?.focus();
  }
  return (
    <>
      <p role="status" className="sr-only">
        {some && selectionText(selection, pagination?.item_count ?? 0)}
      </p>
      {!nothing && (
        <FindBar
          finding={finding}
          without={without}
          summary={summary}
          matching={pagination?.item_count}
          warns={agent === undefined}
          button={filterButton}
        />
      )}
      <List
        name={name}
        list={list}
        rowClass={({ id }) => (id === fresh || picking.has(id) ? "bg-accent-soft" : "")}
        picking={picking}
        columns={[
          {
            head: "Token",
            skeleton: <TokenCellSkeleton />,
            cell: (token) => <TokenCell token={token} fresh={token.id === fresh} />,
          },
          menuColumn<ApiToken>(tokenTitle, (token) => [
            ...movesFor(token, now).map((text) => ({
              ...itemOf(text),
              obstacle: text.obstacle,
              onChoose: () => (text.question ? setAsking({ token, text }) : void move(token, text)),
            })),
            ...rotationsOf(token, now).map(({ label, renew, apart }) => ({
              label,
              icon: RefreshCw,
              apart,
              onChoose: () => setRotating({ token, renew }),
            })),
            ...(token.old_secret
              ? [{ ...itemOf(endOldSecret), onChoose: () => setAsking({ token, text: endOldSecret }) }]
              : []),
            { label: "Copy ID", icon: Copy, apart: true, onChoose: () => void copyId(token) },
          ]),
        ]}
        empty={finding.narrowed ? nothingFound(clear) : empty}
      />
      <Suspense fallback={null}>
        {some && (
          <BulkActions
            selection={selection}
            change={change}
            filter={filter}
            page={items ?? []}
            matching={pagination?.item_count ?? 0}
          />
        )}
        {asking && (
          <MoveQuestion
            asked={{ ...asking, token: items?.find(({ id }) => id === asking.token.id) ?? asking.token }}
            busy={busy}
            onYes={async (withDescendants) => {
              await move(asking.token, asking.text, withDescendants);
              setAsking(undefined);
            }}
            onNo={() => setAsking(undefined)}
          />
        )}
        {rotating && <RotateDialog {...making} rotating={rotating} onClose={() => setRotating(undefined)} />}
        {creating && (
          <CreateDialog
            {...making}
            agent={agent}
            onClose={(made) => {
              onCreating(false);
              setFresh(made);
              // A new token is at the top of the list as it opens.
              if (made) finding.reset();
            }}
          />
        )}
      </Suspense>
    </>
  );
}

const itemOf = ({ label, icon, question }: MoveText) => ({ label, icon, danger: question !== undefined });

/** An expired token needs a new expiry. */
function rotationsOf(token: ApiToken, now: number) {
  if (!token.available_actions.rotate) return [];
  const rotate = { label: "Rotate", renew: false, apart: true };
  const renew = { label: "Renew", renew: true, apart: false };
  if (stateOf(token, now) === "expired") return [{ ...renew, apart: true }];
  return isEndingSoon(token, now) ? [rotate, renew] : [rotate];
}

function nothingFound(onClear: () => void): Empty {
  return {
    icon: SearchX,
    title: "No tokens match.",
    text: "Try other words or fewer filters.",
    action: <Button onClick={onClear}>Clear filters</Button>,
  };
}

async function copyId(token: ApiToken) {
  if (await copyText(token.id)) announce(`ID of ${tokenTitle(token)} copied.`, token.id);
  else announceFailure(`The browser did not let us copy the ID. It is ${token.id}`, token.id);
}
