import { type ReactNode, useEffect, useRef, useState } from "react";
import { messageOf } from "../api";
import { useNow } from "../ui/clock";
import { ListFrame } from "../ui/list-frame";
import { pageSize, usePage } from "../ui/pager";
import { focusOfRow, neighbourOf, RowMenu } from "../ui/row-menu";
import type { ApiToken } from "../wire";
import { type Asked, MoveQuestion } from "./move-question";
import { TokenCell, TokenCellSkeleton } from "./token-cell";
import { type MoveText, movesFor } from "./token-moves";
import { type TokenFilter, useTokens } from "./tokens";
import { useMoves } from "./use-moves";
import { tokenTitle } from "./wording";

interface TokenListProps {
  name: string;
  filter: TokenFilter;
  /** The id of a token that was made here just now: the list goes to its row and marks it. */
  fresh: string | undefined;
  empty: ReactNode;
}

/** The tokens, newest first, each with the menu of what its state allows. */
export function TokenList({ name, filter, fresh, empty }: TokenListProps) {
  const [page, setPage] = usePage();
  const tokens = useTokens(filter, page, pageSize);
  const [asking, setAsking] = useState<Asked>();
  const { move, busy } = useMoves();

  const items = tokens.data?.summaries;
  const toFirst = useRef(() => {});
  toFirst.current = () => {
    if (page !== 1) setPage(1);
  };
  // New tokens come first, whatever page was open.
  useEffect(() => {
    if (fresh) toFirst.current();
  }, [fresh]);

  function choose(token: ApiToken, text: MoveText) {
    if (!text.question) {
      void move(token, text);
      return;
    }
    setAsking({ token, text, neighbour: neighbourOf(items, token.id) });
  }

  return (
    <>
      <ListFrame
        name={name}
        items={items}
        failure={tokens.error ? messageOf(tokens.error) : null}
        onRetry={() => void tokens.refetch()}
        pages={{ pagination: tokens.data?.pagination, page, onPage: setPage }}
        head={
          <tr>
            <th scope="col" className="px-4 py-2 font-medium">
              Token
            </th>
            <th scope="col" className="w-14 px-3">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        }
        skeleton={
          <>
            <td className="px-4 py-3">
              <TokenCellSkeleton />
            </td>
            <td />
          </>
        }
        empty={empty}
        row={(token) => (
          <TokenRow
            key={token.id}
            token={token}
            fresh={token.id === fresh}
            onChoose={(text) => choose(token, text)}
          />
        )}
      />
      <MoveQuestion
        asking={
          asking && { ...asking, token: items?.find((item) => item.id === asking.token.id) ?? asking.token }
        }
        busy={busy}
        onYes={async ({ token, text }, withDescendants) => {
          await move(token, text, withDescendants);
          setAsking(undefined);
        }}
        onNo={() => setAsking(undefined)}
        finalFocus={({ token, neighbour }) => focusOfRow(token.id, neighbour)}
      />
    </>
  );
}

interface TokenRowProps {
  token: ApiToken;
  fresh: boolean;
  onChoose: (text: MoveText) => void;
}

function TokenRow({ token, fresh, onChoose }: TokenRowProps) {
  const row = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (fresh) row.current?.scrollIntoView({ block: "nearest" });
  }, [fresh]);
  return (
    <tr ref={row} className={fresh ? "bg-accent-soft" : ""}>
      <td className="px-4 py-3">
        <TokenCell token={token} fresh={fresh} />
      </td>
      <td className="px-3 py-3 text-right align-top">
        <TokenMenu token={token} onChoose={onChoose} />
      </td>
    </tr>
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
