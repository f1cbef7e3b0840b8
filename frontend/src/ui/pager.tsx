import { ChevronLeft, ChevronRight } from "lucide-react";
import { useEffect } from "react";
import { useSearchParams } from "wouter";
import { Button } from "./button";

/** Items on one page of any list. */
export const pageSize = 50;

/** The page in the address, from 1, and how to change it. */
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
  item_count: number;
  item_start: number;
  item_end: number;
  page_count: number;
}

interface PagerProps {
  /** undefined until the first answer. */
  pagination: Pages | undefined;
  page: number;
  onPage: (page: number) => void;
}

/** Steps through a list that does not fit on one page; nothing for one that does. */
export function Pager({ pagination, page, onPage }: PagerProps) {
  const last = pagination && Math.max(pagination.page_count, 1);
  useEffect(() => {
    // The last row of the last page went away: the page that is now the last has the rest.
    if (last !== undefined && page > last) onPage(last);
  });
  if (!pagination || (pagination.page_count <= 1 && page === 1)) return null;
  const { item_start, item_end, item_count, page_count } = pagination;
  return (
    <nav aria-label="Pages" className="mt-3 flex items-center justify-between gap-3 text-soft">
      <p>
        {item_start}–{item_end} of {item_count}
      </p>
      <div className="flex gap-2">
        <Button
          disabled={page <= 1}
          onClick={() => onPage(Math.min(page - 1, Math.max(page_count, 1)))}
          icon={<ChevronLeft aria-hidden className="size-4" />}
        >
          Previous
        </Button>
        <Button disabled={page >= page_count} onClick={() => onPage(page + 1)}>
          Next
          <ChevronRight aria-hidden className="size-4" />
        </Button>
      </div>
    </nav>
  );
}
