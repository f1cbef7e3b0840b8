import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { callForPart, type List } from "../api";
import type { AgentSpan } from "../wire";
import { isOpen } from "./instances";
import { withTexts } from "./json-text";

/** Spans of one request. */
const spansAtOnce = 100;

/** Its payloads are the JSON that the agent sent. */
export type Span = Omit<AgentSpan, "payload" | "result_payload"> & {
  payload: string;
  result_payload: string;
};

type Part = List<Span>;

const withPayloads = (json: string) => withTexts(json, 3, ["payload", "result_payload"]);

/** Where the next part begins; undefined after the last one. Parts with long payloads have fewer spans. */
function nextOf({ summaries, pagination }: Part, from: number): number | undefined {
  const next = from + summaries.length;
  return summaries.length > 0 && next < pagination.item_count ? next : undefined;
}

/** Whether a part can no longer change: others follow it, and all its spans are finished. */
const isSettled = (part: Part, from: number) =>
  nextOf(part, from) !== undefined && part.summaries.every(({ status }) => !isOpen(status));

/** The spans of an instance in order of arrival, in parts. Loading again asks only for parts that may have changed. */
export function useSpans(instanceId: string) {
  const client = useQueryClient();
  const queryKey = ["spans", instanceId];
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => {
      const known = client.getQueryData<{ pages: Part[]; pageParams: number[] }>(queryKey);
      const part = known?.pages[known.pageParams.indexOf(pageParam)];
      if (part && isSettled(part, pageParam)) return part;
      const query = { agent_instance_id: instanceId, sorting: "inserted_at" };
      return callForPart<Span>("/agent_spans", pageParam, spansAtOnce, query, signal, withPayloads);
    },
    initialPageParam: 0,
    getNextPageParam: (last: Part, _: Part[], from: number) => nextOf(last, from),
  });
  const spans = useMemo(() => data && distinct(data.pages.flatMap(({ summaries }) => summaries)), [data]);
  return {
    spans,
    total: data?.pages.at(-1)?.pagination.item_count ?? 0,
    failure: { error, data, refetch },
    hasMore: hasNextPage,
    isLoadingMore: isFetchingNextPage,
    onMore: () => void fetchNextPage(),
  };
}

/** Parts repeat spans if one of them got shorter. */
function distinct(spans: Span[]): Span[] {
  return [...new Map(spans.map((span) => [span.id, span])).values()];
}
