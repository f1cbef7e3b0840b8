import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  ApiError,
  callForAll,
  callForOne,
  failedText,
  isRefusal,
  isSignedOut,
  type List,
  messageOf,
} from "../api";
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
import { tokenTitle } from "./wording";

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

export const requestPath = (id: string) => `/api_token/${encodeURIComponent(id)}`;

/** A token with its uses, for its own page. */
export const useToken = (id: string, enabled = true) =>
  useOne<ApiToken>(oneKey(id), `${requestPath(id)}?include=use`, enabled);

export const useTokenUse = (id: string) =>
  useOne<ApiTokenUse>([...tokensKey, "use", id], `${requestPath(id)}/use`);

/** The recorded changes of a token, newest first. */
export const useTokenEvents = (id: string) =>
  useList<ApiTokenEvent>([...tokensKey, "events", id], `${requestPath(id)}/events`, {});

/** All items of a list to choose from. Long lists don't load again while they show. */
function useAll<T>(key: string[], path: string, enabled: boolean, more: object = { refetchInterval: false }) {
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => callForAll<T>(path, {}, signal),
    enabled,
    ...more,
  });
}

export const useEnvironments = (enabled = true) =>
  useAll<Environment>(["environments"], "/environment", enabled, {});

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

/** Changes a token's status. Lists and pages show it at once, then reload. A deleted token's page is left before. */
export function useMoveToken(onGone?: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (moving: Moving) => requestMove(moving).catch((error) => settle(moving, error)),
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

function requestMove({ token, move, withDescendants, reason }: Moving): Promise<ApiToken> {
  const path = requestPath(token.id);
  if (move === "delete") return callForOne("DELETE", path);
  const details = { ...(withDescendants && { with_descendants: true }), ...(reason && { reason }) };
  const body = Object.keys(details).length > 0 ? { details } : {};
  return callForOne("POST", `${path}/${move}`, { body });
}

const verbs: Record<RowMove, string> = {
  suspend: "suspended",
  activate: "activated",
  revoke: "revoked",
  delete: "deleted",
  end_old_secret: "changed",
};

/**
 * Finds out what became of a failed move: its answer may have been lost, and someone else may have made it. Resolves with the
 * token if it is as wanted, else rejects with what is known. The code is then invalid_action if the move is not possible now.
 */
async function settle(moving: Moving, error: unknown): Promise<ApiToken> {
  const { token, move } = moving;
  if (!(error instanceof ApiError) || isSignedOut(error)) throw error;
  const { status, code, retryAfter } = error;
  const title = tokenTitle(token);
  const claim = `${title} was not ${verbs[move]}.` as const;
  const told = (text: string, as = "unexpected") => new ApiError(status, as, text, {}, retryAfter);
  if (isRefusal(error) && status !== 404 && code !== "invalid_action") throw told(failedText(error, claim));
  const now = await callForOne<ApiToken>("GET", requestPath(token.id)).catch((unread: ApiError) => {
    if (unread.status === 404) return undefined;
    throw told(failedText(error, claim));
  });
  const isDone = !now
    ? move === "delete"
    : move === "end_old_secret"
      ? !now.old_secret
      : now.status === (move === "activate" ? "active" : verbs[move]);
  if (isDone) {
    // The token does not show what became of those that it created. A refusal says that all of them are revoked.
    if (moving.withDescendants && code !== "invalid_action")
      await requestMove(moving).catch((again: unknown) => {
        if (again instanceof ApiError && again.code === "invalid_action") return;
        const text = `${title} was revoked, but the tokens that it created may not have been.`;
        throw told(`${text} ${messageOf(again)}`, "invalid_action");
      });
    return now ?? token;
  }
  if (!now || code === "invalid_action" || (move !== "end_old_secret" && !now.available_actions[move])) {
    const text = `${title} was ${now ? "changed" : "deleted"} in the meantime. The page is up to date again.`;
    throw told(text, "invalid_action");
  }
  // Tokentab itself answers 500 or 503 once it is done with a request. After a proxy's answer, or none, it may go on.
  if (isRefusal(error) || status === 500 || status === 503) throw told(`${claim} ${error.message}`);
  throw told(`${title} is not ${verbs[move]} yet. The server may still be working on it. Try again.`);
}

function replaced(tokens: ApiToken[], after: ApiToken, move: RowMove): ApiToken[] {
  return move === "delete"
    ? tokens.filter((token) => token.id !== after.id)
    : // The answer has no uses.
      tokens.map((token) => (token.id === after.id ? { ...after, use: token.use } : token));
}
