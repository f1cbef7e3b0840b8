import { lazy, Suspense, useState } from "react";
import { useNow } from "../ui/clock";
import { type Empty, List, menuColumn } from "../ui/list";
import type { ApiToken } from "../wire";
import type { Lifetimes } from "./expiry";
import { type Asked, MoveQuestion } from "./move-question";
import { TokenCell, TokenCellSkeleton } from "./token-cell";
import { movesFor } from "./token-moves";
import { useTokens } from "./tokens";
import { useMoves } from "./use-moves";
import { tokenTitle } from "./wording";

// Its code loads after the list is shown.
const CreateDialog = lazy(() => import("./create-dialog"));

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

/** The tokens, newest first, with their menus and dialogs. */
export function TokenList({ name, agent, empty, creating, onCreating, ...making }: TokenListProps) {
  const list = useTokens(agent?.id);
  const [asking, setAsking] = useState<Asked>();
  /** The id of the token just created here, whose row is marked. */
  const [fresh, setFresh] = useState<string>();
  const { move, busy } = useMoves();
  const now = useNow();
  const { items, place, onPlace } = list;
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
          menuColumn<ApiToken>(tokenTitle, (token) =>
            movesFor(token, now).map((text) => ({
              label: text.label,
              icon: text.icon,
              obstacle: text.obstacle,
              danger: text.question !== undefined,
              onChoose: () => (text.question ? setAsking({ token, text }) : void move(token, text)),
            })),
          ),
        ]}
        empty={empty}
      />
      <Suspense fallback={null}>
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
        {creating && (
          <CreateDialog
            {...making}
            agent={agent}
            onClose={(made) => {
              onCreating(false);
              setFresh(made);
              // New tokens are on the first page.
              if (made && place.page !== 1) onPlace({ page: 1 });
            }}
          />
        )}
      </Suspense>
    </>
  );
}
