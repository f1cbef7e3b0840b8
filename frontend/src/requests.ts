import {
  keepPreviousData,
  type QueryKey,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { ApiError, callForOne, callForPart, type Query } from "./api";
import type { Listing } from "./ui/list";
import { pageSize, usePlace } from "./ui/pager";

/** Newest first, and only what a search finds unless it is empty. */
export const searched = (text: string): Query => ({ sorting: "-inserted_at", search: text || undefined });

/**
 * The page of a list that the address names. By default the newest items come first. `late` returns parameters that depend
 * on the time of the request; the key must tell them apart.
 */
export function useList<T>(
  key: QueryKey,
  path: string,
  query: Query = { sorting: "-inserted_at" },
  late?: () => Query,
): Listing<T> {
  const [place, onPlace] = usePlace();
  const { page, after } = place;
  const { data, error, refetch, isPlaceholderData } = useQuery({
    queryKey: [...key, query, page, after],
    queryFn: async ({ signal }) => {
      const all = { ...query, ...late?.() };
      const part = (from: number | string) => callForPart<T>(path, from, pageSize, all, signal);
      const offset = (page - 1) * pageSize;
      try {
        return await part(after ?? offset);
      } catch (error) {
        // The cursor in the address is not one of this list.
        if (after && error instanceof ApiError && error.status === 422) return part(offset);
        throw error;
      }
    },
    placeholderData: keepPreviousData,
  });
  return {
    items: data?.summaries,
    pagination: data?.pagination,
    turning: isPlaceholderData,
    error,
    onRetry: () => void refetch(),
    place,
    onPlace,
  };
}

export function useOne<T>(key: QueryKey, path: string, enabled = true) {
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => callForOne<T>("GET", path, { signal }),
    enabled,
  });
}

/** Resolves after the page has rendered loaded data, which the query library delivers by a timer. */
export const drawn = () => new Promise((resolve) => setTimeout(resolve));

/** A request that changes something. Afterwards, queries with these keys load again, also after a failure. */
export function useChange<W, A>(request: (what: W) => Promise<A>, ...keys: QueryKey[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: request,
    onSettled: async () => {
      await Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })));
      // The focus must not go to a deleted row.
      await drawn();
    },
  });
}
