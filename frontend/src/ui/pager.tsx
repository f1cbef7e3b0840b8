import { ChevronLeft, ChevronRight } from "lucide-react";
import { useEffect, useRef } from "react";
import { useSearchParams } from "wouter";
import { Button } from "./button";
import { Time } from "./time";

/** Items per page of any list. */
export const pageSize = 50;

/** The highest page number that an address may name. */
const lastPage = 1e7;

/** A page of a list. */
export interface Place {
  /** From 1. */
  page: number;
  /** Where the page begins, if Next led to it. Its rows then neither repeat nor skip, whatever changes meanwhile. */
  after?: string;
}

/** The place in the address, and its setter. */
export function usePlace(): [Place, PagerProps["onPlace"]] {
  const [search, setSearch] = useSearchParams();
  const wanted = Number(search.get("page") ?? 1);
  const page = Number.isInteger(wanted) && wanted > 0 && wanted <= lastPage ? wanted : 1;
  const after = (page > 1 && search.get("after")) || undefined;
  const setPlace = (next: Place, how?: { replace: boolean }) =>
    setSearch((before) => {
      const params = new URLSearchParams(before);
      leavePlace(params);
      if (next.page > 1) params.set("page", String(next.page));
      if (next.after) params.set("after", next.after);
      return params;
    }, how);
  return [{ page, after }, setPlace];
}

/** Makes an address name the first page. */
export function leavePlace(params: URLSearchParams) {
  params.delete("page");
  params.delete("after");
}

interface Pages {
  item_count: number;
  /** There may be more items than item_count. */
  item_count_is_minimum?: boolean;
  item_start: number;
  item_end: number;
  page_count: number;
  /** Where the next page begins, in lists that have cursors. */
  next_cursor?: string | null;
  /** How far back a search has looked, if it goes on at the cursor. */
  searched_to?: string | null;
}

export interface PagerProps {
  /** undefined until the first answer. */
  pagination: Pages | undefined;
  /** The requested page. */
  place: Place;
  onPlace: (place: Place, how?: { replace: boolean }) => void;
}

interface TurningProps {
  /** The requested page is loading. */
  busy: boolean;
  /** Called when a button has led to another page and its rows are shown. */
  onTurned: () => void;
}

/** Steps through the pages of a list; nothing if there is only one. */
export function Pager({ pagination, place, onPlace, busy, onTurned }: PagerProps & TurningProps) {
  const { page, after } = place;
  const pressed = useRef<"previous" | "next">(undefined);
  /** The cursor of the page before, by cursor. */
  const trail = useRef(new Map<string, string | undefined>());
  const beyond =
    pagination !== undefined && !busy && page > 1 && pagination.item_end === 0 && !pagination.next_cursor;
  useEffect(() => {
    // The last row of the last page is gone.
    if (beyond) onPlace({ page: Math.max(pagination.page_count, 1) }, { replace: true });
  });
  useEffect(() => {
    if (busy || !pagination || !pressed.current) return;
    pressed.current = undefined;
    onTurned();
  }, [busy, pagination, onTurned]);
  if (!pagination || (pagination.page_count <= 1 && page === 1 && !pagination.next_cursor)) return null;
  const { item_start, item_end, item_count, searched_to } = pagination;
  const all = pagination.item_count_is_minimum
    ? `${(item_count - 1).toLocaleString("en")}+`
    : item_count.toLocaleString("en");
  const shown =
    item_end > 0
      ? `${item_start.toLocaleString("en")}–${item_end.toLocaleString("en")} of ${all}`
      : "None on this page";
  function next() {
    // The cursor of the rows on screen leads nowhere in the list that is loading.
    if (busy) return;
    pressed.current = "next";
    const cursor = pagination?.next_cursor ?? undefined;
    if (cursor) trail.current.set(cursor, after);
    onPlace({ page: page + 1, after: cursor });
  }
  function previous() {
    if (busy) return;
    pressed.current = "previous";
    onPlace({ page: page - 1, after: after && trail.current.get(after) });
  }
  return (
    <nav aria-label="Pages" className="flex flex-wrap items-center justify-between gap-3 text-soft">
      <p role="status">
        <span>{busy && pressed.current ? `Loading page ${page}…` : shown}</span>
        {!busy && searched_to && (
          <>
            , searched back to <Time at={searched_to} />
          </>
        )}
      </p>
      <div className="flex flex-wrap gap-2">
        <Button
          busy={busy && pressed.current === "previous"}
          disabled={page <= 1}
          onClick={previous}
          icon={<ChevronLeft aria-hidden className="size-4" />}
        >
          Previous
        </Button>
        <Button busy={busy && pressed.current === "next"} disabled={item_end >= item_count} onClick={next}>
          {searched_to ? "Search older" : "Next"}
          <ChevronRight aria-hidden className="size-4" />
        </Button>
      </div>
    </nav>
  );
}
