import { SearchX } from "lucide-react";
import { useState } from "react";
import { useSearchParams } from "wouter";
import { Button } from "./button";
import type { Empty, Listing } from "./list";
import { leavePlace } from "./pager";
import { SearchField, searchText } from "./search-field";

interface Search {
  /** Empty for the whole list. */
  text: string;
  /** Searches for another text, and leads to the first page. */
  change: (text: string) => void;
  /** How often the search was cleared from outside its field. */
  cleared: number;
  clear: () => void;
}

/** The search in the address. */
export function useSearch(): Search {
  const [address, setAddress] = useSearchParams();
  const [cleared, setCleared] = useState(0);
  const text = searchText(address.get("q") ?? "");
  function change(next: string) {
    setAddress(
      (before) => {
        const after = new URLSearchParams(before);
        leavePlace(after);
        if (next) after.set("q", next);
        else after.delete("q");
        return after;
      },
      // Back leaves the search instead of undoing each letter.
      { replace: text !== "" },
    );
  }
  return {
    text,
    change,
    cleared,
    clear: () => {
      setCleared(cleared + 1);
      change("");
    },
  };
}

interface ListSearchProps {
  search: Search;
  list: Listing<unknown>;
  /** What the list has, as in "agents". */
  items: string;
  placeholder: string;
}

/** The search of a list; nothing while there is nothing to search. */
export function ListSearch({ search, list: { pagination, turning }, items, placeholder }: ListSearchProps) {
  const { text, change, cleared } = search;
  const found = pagination?.item_count;
  if (found === 0 && !text && !turning) return null;
  return (
    <search className="mb-3 block">
      <SearchField
        label={`Search ${items}`}
        placeholder={placeholder}
        value={text}
        cleared={cleared}
        onSearch={change}
      />
      <p role="status" className="sr-only">
        {text && !turning && found !== undefined && `${found.toLocaleString("en")} found`}
      </p>
    </search>
  );
}

/** Instead of a list in which the search finds nothing. */
export function nothingFound({ clear }: Search, items: string): Empty {
  return {
    icon: SearchX,
    title: `No ${items} match`,
    text: "Try other words.",
    action: <Button onClick={clear}>Show all {items}</Button>,
    reads: true,
  };
}
