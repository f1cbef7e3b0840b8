import { type ReactNode, useState } from "react";
import { messageOf } from "../api";
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
  empty: ReactNode;
}

/** The tokens, newest first, each with the menu of what its state allows. */
export function TokenList({ name, filter, empty }: TokenListProps) {
  const [page, setPage] = usePage();
  const tokens = useTokens(filter, page, pageSize);
  const [asking, setAsking] = useState<Asked>();
  const { move, busy } = useMoves();

  const items = tokens.data?.summaries;

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
          <tr key={token.id}>
            <td className="px-4 py-3">
              <TokenCell token={token} />
            </td>
            <td className="px-3 py-3 text-right align-top">
              <TokenMenu token={token} onChoose={(text) => choose(token, text)} />
            </td>
          </tr>
        )}
      />
      <MoveQuestion
        asking={
          asking && { ...asking, token: items?.find((item) => item.id === asking.token.id) ?? asking.token }
        }
        busy={busy}
        onYes={async ({ token, text }) => {
          await move(token, text);
          setAsking(undefined);
        }}
        onNo={() => setAsking(undefined)}
        finalFocus={({ token, neighbour }) => focusOfRow(token.id, neighbour)}
      />
    </>
  );
}

function TokenMenu({ token, onChoose }: { token: ApiToken; onChoose: (text: MoveText) => void }) {
  const actions = movesFor(token).map((text) => ({
    label: text.label,
    icon: text.icon,
    danger: text.question !== undefined,
    onChoose: () => onChoose(text),
  }));
  return <RowMenu row={token.id} name={tokenTitle(token)} actions={actions} />;
}
