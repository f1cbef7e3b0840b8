import { useQuery } from "@tanstack/react-query";
import { callForOne, pollInterval } from "../api";
import type { TokenMove, TokenMoves } from "../wire";

export const underWayKey = ["token-moves"];

/** The unfinished changes of many tokens, oldest first. Polls only while there are any. */
export function useMovesUnderWay(): TokenMove[] | undefined {
  const moves = useQuery({
    queryKey: underWayKey,
    queryFn: async ({ signal }) =>
      (await callForOne<TokenMoves>("GET", "/api_token/moves", { signal })).moves,
    refetchInterval: ({ state }) => (state.data?.length ? pollInterval : false),
  });
  return moves.data;
}
