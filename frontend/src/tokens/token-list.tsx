import { lazy, Suspense, useState } from "react";
import { useNow } from "../ui/clock";
import { type Empty, List } from "../ui/list";
import { RowMenu } from "../ui/row-menu";
import type { ApiToken } from "../wire";
import type { Lifetimes } from "./expiry";
import { type Asked, MoveQuestion } from "./move-question";
import { TokenCell, TokenCellSkeleton } from "./token-cell";
import { type MoveText, movesFor } from "./token-moves";
import { useTokens } from "./tokens";
import { useMoves } from "./use-moves";
import { tokenTitle } from "./wording";

// Its code comes after the list is shown.
const CreateDialog = lazy(() => import("./create-dialog"));

/** What a route tells about making tokens: whether one is being made, and how. */
export interface Creating {
  publicUrl: string;
  lifetimes: Lifetimes;
  creating: boolean;
  onCreating: (creating: boolean) => void;
}

interface TokenListProps extends Creating {
  name: string;
  /** Only the deployment tokens of this agent are shown and made. */
  agent?: { id: string; name: string };
  empty: Empty;
}

/** The tokens, newest first, each with the menu of what its state allows; and the dialog that makes them. */
export function TokenList({ name, agent, empty, creating, onCreating, ...making }: TokenListProps) {
  const list = useTokens(agent?.id);
  const [asking, setAsking] = useState<Asked>();
  /** The token that was made here just now: the list goes to its row and marks it. */
  const [fresh, setFresh] = useState<string>();
  const { move, busy } = useMoves();
  const { items, page, onPage } = list;
  return (
    <>
      <List
        name={name}
        list={list}
        rowClass={({ id }) => (id === fresh ? "bg-accent-soft" : "")}
        columns={[
          {
            head: "Token",
            skeleton: <TokenCellSkeleton />,
            cell: (token) => <TokenCell token={token} fresh={token.id === fresh} />,
          },
          {
            head: "Actions",
            width: "w-14",
            buttons: true,
            cell: (token) => (
              <TokenMenu
                token={token}
                onChoose={(text) => (text.question ? setAsking({ token, text }) : void move(token, text))}
              />
            ),
          },
        ]}
        empty={empty}
      />
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
      <Suspense fallback={null}>
        {creating && (
          <CreateDialog
            {...making}
            agent={agent}
            onClose={(made) => {
              onCreating(false);
              setFresh(made);
              // New tokens come first, whatever page was open.
              if (made && page !== 1) onPage(1);
            }}
          />
        )}
      </Suspense>
    </>
  );
}

function TokenMenu({ token, onChoose }: { token: ApiToken; onChoose: (text: MoveText) => void }) {
  const actions = movesFor(token, useNow()).map((text) => ({
    label: text.label,
    icon: text.icon,
    danger: text.question !== undefined,
    obstacle: text.obstacle,
    onChoose: () => onChoose(text),
  }));
  return <RowMenu row={token.id} name={tokenTitle(token)} actions={actions} />;
}
