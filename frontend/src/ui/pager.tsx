import { ChevronLeft, ChevronRight } from "lucide-react";
import { useEffect, useRef } from "react";
import { useSearchParams } from "wouter";
import { Button } from "./button";

/** Items per page of any list. */
export const pageSize = 50;

/** The page number in the address, from 1, and its setter. */
export function usePage(): [number, (page: number) => void] {
  const [search, setSearch] = useSearchParams();
  const wanted = Number(search.get("page") ?? 1);
  const page = Number.isInteger(wanted) && wanted > 0 ? wanted : 1;
  const setPage = (next: number) =>
    setSearch((before) => {
      const after = new URLSearchParams(before);
      if (next === 1) after.delete("page");
      else after.set("page", String(next));
      return after;
    });
  return [page, setPage];
}

interface Pages {
  /** From 1. */
  page_index: number;
  item_count: number;
  item_start: number;
  item_end: number;
  page_count: number;
}

export interface PagerProps {
  /** undefined until the first answer. */
  pagination: Pages | undefined;
  /** The requested page. */
  page: number;
  onPage: (page: number) => void;
}

interface TurningProps {
  /** The requested page is loading. */
  busy: boolean;
  /** Called when a button has led to another page and its rows are shown. */
  onTurned: () => void;
}

/** Steps through the pages of a list; nothing if there is only one. */
export function Pager({ pagination, page, onPage, busy, onTurned }: PagerProps & TurningProps) {
  const last = pagination && Math.max(pagination.page_count, 1);
  const pressed = useRef<"previous" | "next">(undefined);
  useEffect(() => {
    // The last row of the last page is gone.
    if (last !== undefined && page > last) onPage(last);
  });
  useEffect(() => {
    if (busy || pagination?.page_index !== page || !pressed.current) return;
    pressed.current = undefined;
    onTurned();
  }, [busy, pagination?.page_index, page, onTurned]);
  if (!pagination || (pagination.page_count <= 1 && page === 1)) return null;
  const { item_start, item_end, item_count, page_count } = pagination;
  function turn(to: "previous" | "next") {
    pressed.current = to;
    onPage(to === "next" ? page + 1 : Math.min(page - 1, Math.max(page_count, 1)));
  }
  return (
    <nav aria-label="Pages" className="flex items-center justify-between gap-3 text-soft">
      <p role="status">{busy ? `Loading page ${page}…` : `${item_start}–${item_end} of ${item_count}`}</p>
      <div className="flex gap-2">
        <Button
          busy={busy && pressed.current === "previous"}
          disabled={page <= 1}
          onClick={() => turn("previous")}
          icon={<ChevronLeft aria-hidden className="size-4" />}
        >
          Previous
        </Button>
        <Button
          busy={busy && pressed.current === "next"}
          disabled={page >= page_count}
          onClick={() => turn("next")}
        >
          Next
          <ChevronRight aria-hidden className="size-4" />
        </Button>
      </div>
    </nav>
  );
}
