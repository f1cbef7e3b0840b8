import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { callForAll, callForOne, callForPart, type List } from "../api";
import { drawn, useList, useOne } from "../requests";
import type {
  AdminUser,
  Agent,
  ApiToken,
  ApiTokenEvent,
  ApiTokenUse,
  Environment,
  NewApiToken,
  TokenScope,
} from "../wire";
import { type Find, queryOf } from "./find";
import { underWayKey } from "./under-way";

/** The page creates no environment tokens, and always sends the expiry. */
export type NewToken = NewApiToken & {
  token_scope: Exclude<TokenScope, "environment">;
  expires_at?: string;
  expires_in?: number;
};

export type Move = "suspend" | "activate" | "revoke" | "delete";

/** What the menu of a row does at once or after a question. */
export type RowMove = Move | "end_old_secret";

/** A rotation. Without an expiry, the present one stays. */
export interface Rotation {
  overlap_seconds: number;
  expires_at?: string;
  expires_in?: number;
}

export const tokensKey = ["tokens"];

/** The address of a token's own page. */
export const pathOf = (id: string) => `/account/api-tokens/${encodeURIComponent(id)}`;

const listsKey = [...tokensKey, "lists"];

/** The conditions for the deployment tokens of one agent; none without one. */
export const onlyOf = (agentId: string | undefined) =>
  agentId ? { agent_id: agentId, token_scope: "agent_deployment" as const } : {};

/** The tokens of the account, or the deployment tokens of one agent, that match, with their uses. */
export const useTokens = (agentId: string | undefined, find: Find) =>
  useList<ApiToken>(listsKey, "/api_token", {
    ...queryOf(find),
    ...onlyOf(agentId),
    include: "use",
  });

const oneKey = (id: string) => [...tokensKey, "one", id];

const requestPath = (id: string) => `/api_token/${encodeURIComponent(id)}`;

/** A token with its uses, for its own page. */
export const useToken = (id: string) => useOne<ApiToken>(oneKey(id), `${requestPath(id)}?include=use`);

export const useTokenUse = (id: string) =>
  useOne<ApiTokenUse>([...tokensKey, "use", id], `${requestPath(id)}/use`);

/** How a token is used when a question about it opens. Later uses don't change the question. */
export const useUseInQuestion = (id: string, enabled: boolean) =>
  useQuery({
    queryKey: ["token-question", id],
    queryFn: ({ signal }) => callForOne<ApiTokenUse>("GET", `${requestPath(id)}/use`, { signal }),
    enabled,
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: false,
    refetchOnWindowFocus: false,
  });

/** The recorded changes of a token, newest first. */
export const useTokenEvents = (id: string) =>
  useList<ApiTokenEvent>([...tokensKey, "events", id], `${requestPath(id)}/events`, {});

/** All items of a list to choose from. */
function useAll<T>(key: string[], path: string, enabled: boolean) {
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => callForAll<T>(path, {}, signal),
    refetchInterval: false,
    enabled,
  });
}

export const useEnvironments = (enabled = true) =>
  useAll<Environment>(["environments"], "/environment", enabled);

export const useAllAgents = (enabled = true) => useAll<Agent>(["agents", "all"], "/agent", enabled);

export const useAllMembers = (enabled = true) =>
  useAll<AdminUser>(["members", "all"], "/admin_user", enabled);

interface Moving {
  token: ApiToken;
  move: RowMove;
  /** Whether a revoke includes the tokens that it created, and those that they created. */
  withDescendants?: boolean;
  /** Why; may be empty. */
  reason?: string;
}

/** The number of active and suspended descendants. Only account tokens have any. */
export function useLiveDescendants(token: ApiToken | undefined): number {
  const id = token?.token_scope === "account" ? token.id : undefined;
  const descendants = useQuery({
    queryKey: [...tokensKey, "descendants", id],
    queryFn: ({ signal }) =>
      callForPart<ApiToken>("/api_token", 0, 1, { descendants_of: id, live: "true" }, signal),
    enabled: id !== undefined,
  });
  return id === undefined ? 0 : (descendants.data?.pagination.item_count ?? 0);
}

/** Changes a token's status. Lists and pages show it at once, then reload. A deleted token's page is left before. */
export function useMoveToken(onGone?: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ token, ...moving }: Moving) => requestMove(token.id, moving),
    onSuccess: async (after, { move }) => {
      await client.cancelQueries({ queryKey: tokensKey });
      client.setQueriesData<List<ApiToken>>(
        { queryKey: listsKey },
        (list) => list && { ...list, summaries: replaced(list.summaries, after, move) },
      );
      if (move === "delete") onGone?.();
      else client.setQueryData<ApiToken>(oneKey(after.id), (token) => token && { ...after, use: token.use });
      await drawn();
    },
    onSettled: (_after, _error, { withDescendants }) => {
      void client.invalidateQueries({ queryKey: tokensKey });
      if (withDescendants) void client.invalidateQueries({ queryKey: underWayKey });
    },
  });
}

function requestMove(
  id: string,
  { move, withDescendants, reason }: Omit<Moving, "token">,
): Promise<ApiToken> {
  const path = requestPath(id);
  if (move === "delete") return callForOne("DELETE", path);
  const details = { ...(withDescendants && { with_descendants: true }), ...(reason && { reason }) };
  const body = Object.keys(details).length > 0 ? { details } : {};
  return callForOne("POST", `${path}/${move}`, { body });
}

function replaced(tokens: ApiToken[], after: ApiToken, move: RowMove): ApiToken[] {
  return move === "delete"
    ? tokens.filter((token) => token.id !== after.id)
    : // The answer has no uses.
      tokens.map((token) => (token.id === after.id ? { ...after, use: token.use } : token));
}
