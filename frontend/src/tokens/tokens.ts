import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call, callForAll, callForPage, type List, type One } from "../api";
import type { ApiToken, Environment, NewApiToken, TokenScope } from "../wire";

/** Which tokens a list shows. */
export interface TokenFilter {
  /** Only deployment tokens of this agent. */
  agentId?: string;
}

/** What this page asks for: never an environment token, and always with its end spelled out. */
export type NewToken = NewApiToken & {
  token_scope: Exclude<TokenScope, "environment">;
  expires_at?: string;
  expires_in?: number;
};

export type Move = "suspend" | "activate" | "revoke" | "delete";

export const tokensKey = ["tokens"];

/** One page of tokens, newest first. */
export function useTokens(filter: TokenFilter, page: number, pageSize: number) {
  return useQuery({
    queryKey: [...tokensKey, filter, page],
    queryFn: ({ signal }) =>
      callForPage<ApiToken>(
        "/api_token",
        page,
        pageSize,
        {
          sorting: "-inserted_at",
          agent_id: filter.agentId,
          token_scope: filter.agentId ? "agent_deployment" : undefined,
        },
        signal,
      ),
    placeholderData: keepPreviousData,
  });
}

/** All environments of the account, for choosing one. */
export function useEnvironments() {
  return useQuery({
    queryKey: ["environments"],
    queryFn: ({ signal }) => callForAll<Environment>("/environment", {}, signal),
    refetchInterval: false,
  });
}

/** Moves a token through its life. Every list follows at once, and then asks the server. */
export function useMoveToken() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ token, move }: { token: ApiToken; move: Move }) => requestMove(token.id, move),
    onSuccess: async (after, { move }) => {
      await client.cancelQueries({ queryKey: tokensKey });
      client.setQueriesData<List<ApiToken>>(
        { queryKey: tokensKey },
        (list) => list && { ...list, summaries: replaced(list.summaries, after, move) },
      );
    },
    onSettled: () => {
      void client.invalidateQueries({ queryKey: tokensKey });
    },
  });
}

async function requestMove(id: string, move: Move): Promise<ApiToken> {
  const path = `/api_token/${encodeURIComponent(id)}`;
  const answer =
    move === "delete"
      ? await call<One<ApiToken>>("DELETE", path)
      : await call<One<ApiToken>>("POST", `${path}/${move}`, { body: {} });
  return answer.details;
}

function replaced(tokens: ApiToken[], after: ApiToken, move: Move): ApiToken[] {
  return move === "delete"
    ? tokens.filter((token) => token.id !== after.id)
    : tokens.map((token) => (token.id === after.id ? after : token));
}
