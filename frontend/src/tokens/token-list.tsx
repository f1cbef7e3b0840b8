import { Ellipsis } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { messageOf } from "../api";
import { IconButton } from "../ui/button";
import { ListFrame } from "../ui/list-frame";
import { Menu, MenuItem } from "../ui/menu";
import { Pager, pageSize, usePage } from "../ui/pager";
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

const buttonId = (token: ApiToken) => `actions-${token.id}`;

/** The tokens, newest first, each with the menu of what its state allows. */
export function TokenList({ name, filter, empty }: TokenListProps) {
  const [page, setPage] = usePage();
  const tokens = useTokens(filter, page, pageSize);
  const [asking, setAsking] = useState<Asked>();
  const { move, busy } = useMoves();

  const items = tokens.data?.summaries;
  const pageCount = tokens.data?.pagination.page_count;
  useEffect(() => {
    // The last row of the last page was deleted: the page that is now the last has the rest.
    if (!tokens.isPlaceholderData && pageCount !== undefined && page > Math.max(pageCount, 1)) {
      setPage(Math.max(pageCount, 1));
    }
  });

  function choose(token: ApiToken, text: MoveText) {
    if (!text.question) {
      void move(token, text);
      return;
    }
    const at = items?.findIndex((item) => item.id === token.id) ?? -1;
    const next = items?.[at + 1] ?? items?.[at - 1];
    setAsking({ token, text, neighbour: next && buttonId(next) });
  }

  return (
    <>
      <ListFrame
        name={name}
        items={items}
        failure={tokens.error ? messageOf(tokens.error) : null}
        onRetry={() => void tokens.refetch()}
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
      <Pager pagination={tokens.data?.pagination} page={page} onPage={setPage} />
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
        finalFocus={focusAfter}
      />
    </>
  );
}

/** Where the focus goes when a question closes: the row's button, else the next row's, else the page's own. */
function focusAfter({ token, neighbour }: Asked): HTMLElement | null {
  return (
    document.getElementById(buttonId(token)) ??
    document.getElementById(neighbour ?? "") ??
    document.querySelector<HTMLElement>("main button")
  );
}

function TokenMenu({ token, onChoose }: { token: ApiToken; onChoose: (text: MoveText) => void }) {
  return (
    <Menu
      trigger={
        <IconButton
          name={`Actions for ${tokenTitle(token)}`}
          id={buttonId(token)}
          className="-my-1.5 pointer-coarse:-my-2.5"
        >
          <Ellipsis aria-hidden className="size-4" />
        </IconButton>
      }
    >
      {movesFor(token).map((text) => (
        <MenuItem
          key={text.move}
          danger={text.question !== undefined}
          icon={<text.icon aria-hidden className="size-4" />}
          onChoose={() => onChoose(text)}
        >
          {text.label}
        </MenuItem>
      ))}
    </Menu>
  );
}
