import {
  keepPreviousData,
  type QueryKey,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { callForOne, callForPage, type Query } from "./api";
import type { Listing } from "./ui/list";
import { pageSize, usePage } from "./ui/pager";

/** The page of a list that the address names, newest first unless `query` says otherwise. */
export function useList<T>(
  key: QueryKey,
  path: string,
  query: Query = { sorting: "-inserted_at" },
): Listing<T> {
  const [page, onPage] = usePage();
  const { data, error, refetch } = useQuery({
    queryKey: [...key, page],
    queryFn: ({ signal }) => callForPage<T>(path, page, pageSize, query, signal),
    placeholderData: keepPreviousData,
  });
  const onRetry = () => void refetch();
  return { items: data?.summaries, pagination: data?.pagination, error, onRetry, page, onPage };
}

export function useOne<T>(key: QueryKey, path: string) {
  return useQuery({ queryKey: key, queryFn: ({ signal }) => callForOne<T>("GET", path, { signal }) });
}

/** Resolves once the page has drawn what was loaded: the query library tells it by a timer, too. */
export const drawn = () => new Promise((resolve) => setTimeout(resolve));

/** A request that changes something. Succeeded or not, what is loaded under these keys is then asked for again. */
export function useChange<W, A>(request: (what: W) => Promise<A>, ...keys: QueryKey[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: request,
    onSettled: async () => {
      await Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })));
      // A row that is gone must not get the focus.
      await drawn();
    },
  });
}
