import {
  keepPreviousData,
  type QueryKey,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { callForOne, callForPart, type Query } from "./api";
import type { Listing } from "./ui/list";
import { pageSize, usePage } from "./ui/pager";

/** The page of a list that the address names. By default the newest items come first. */
export function useList<T>(
  key: QueryKey,
  path: string,
  query: Query = { sorting: "-inserted_at" },
): Listing<T> {
  const [page, onPage] = usePage();
  const { data, error, refetch } = useQuery({
    queryKey: [...key, page],
    queryFn: ({ signal }) => callForPart<T>(path, (page - 1) * pageSize, pageSize, query, signal),
    placeholderData: keepPreviousData,
  });
  const onRetry = () => void refetch();
  return { items: data?.summaries, pagination: data?.pagination, error, onRetry, page, onPage };
}

export function useOne<T>(key: QueryKey, path: string) {
  return useQuery({ queryKey: key, queryFn: ({ signal }) => callForOne<T>("GET", path, { signal }) });
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
