import { SearchX } from "lucide-react";
import { Suspense, useRef, useState } from "react";
import { Button } from "../ui/button";
import { late } from "../ui/late";
import { type Empty, List, menuColumn } from "../ui/list";
import { useReadOnly } from "../ui/read-only";
import type { ApiToken } from "../wire";
import { type Filter, filterOf } from "./find";
import { FindBar } from "./find-bar";
import { selectionText } from "./selection";
import { useSummary } from "./summary";
import { type Issuer, useTokenActions } from "./token-actions";
import { TokenCell, TokenCellSkeleton } from "./token-cell";
import { onlyOf, useTokens } from "./tokens";
import { useFind } from "./use-find";
import { useSelection } from "./use-selection";
import { tokenTitle } from "./wording";

// Their code loads after the list is shown.
const CreateDialog = late(
  () => import("./create-dialog"),
  ({ onClose }) => onClose(),
);
const BulkActions = late(
  () => import("./bulk-actions"),
  () => {},
);

export interface Creating extends Issuer {
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
  const readOnly = useReadOnly();
  const list = useTokens(agent?.id, finding.find);
  const summary = useSummary(agent?.id);
  const filterButton = useRef<HTMLButtonElement>(null);
  /** The id of the token just created here, whose row is marked. */
  const [fresh, setFresh] = useState<string>();
  const { items, pagination, turning } = list;
  const { actionsOf, dialogs } = useTokenActions(making, (token) => items?.find(({ id }) => id === token.id));
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
        {some && selectionText(selection, items ?? [], pagination?.item_count ?? 0)}
      </p>
      {!nothing && (
        <FindBar
          finding={finding}
          without={without}
          summary={summary}
          matching={pagination?.item_count}
          turning={turning}
          warns={agent === undefined}
          button={filterButton}
        />
      )}
      <List
        name={name}
        list={list}
        rowClass={({ id }) => (id === fresh || picking.has(id) ? "bg-accent-soft" : "")}
        picking={readOnly ? undefined : picking}
        columns={[
          {
            head: "Token",
            skeleton: <TokenCellSkeleton />,
            cell: (token) => <TokenCell token={token} fresh={token.id === fresh} />,
          },
          menuColumn<ApiToken>(tokenTitle, actionsOf),
        ]}
        empty={finding.narrowed ? nothingFound(clear) : empty}
      />
      <Suspense fallback={null}>
        {some && !readOnly && (
          <BulkActions
            selection={selection}
            change={change}
            filter={filter}
            page={items ?? []}
            matching={pagination?.item_count ?? 0}
          />
        )}
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
      {dialogs}
    </>
  );
}

function nothingFound(onClear: () => void): Empty {
  return {
    icon: SearchX,
    title: "No tokens match",
    text: "Try other words or fewer filters.",
    action: <Button onClick={onClear}>Clear filters</Button>,
    reads: true,
  };
}
