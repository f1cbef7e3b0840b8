import { useState } from "react";
import type { Picking } from "../ui/picks";
import type { ApiToken } from "../wire";
import { extend, hasToken, nothing, pick, pickPage, type Selection, seen } from "./selection";
import { tokenTitle } from "./wording";

/** The selection of a list, which survives paging. It ends when `filters` changes. `page` has the rows on screen. */
export function useSelection(filters: string, page: ApiToken[] = []) {
  const [held, setHeld] = useState({ filters, selection: nothing });
  if (held.filters !== filters) setHeld({ filters, selection: nothing });
  const selection = held.filters === filters ? seen(held.selection, page) : nothing;
  const change = (next: (selection: Selection) => Selection) =>
    setHeld((before) => ({ ...before, selection: next(before.selection) }));
  const some = selection.all || selection.picked.size > 0;
  const picking: Picking<ApiToken> = {
    name: (token) => `Select ${tokenTitle(token)}`,
    some,
    has: (id) => hasToken(selection, id),
    onPick: (id, on, range) => change((before) => pick(before, page, id, on, range)),
    onExtend: (from, to) => change((before) => extend(before, page, from, to)),
    onPickPage: (on) => change((before) => pickPage(before, page, on)),
    onEnter: () => document.querySelector<HTMLElement>("[data-bulk] div button:enabled")?.focus(),
  };
  return { selection, some, change, picking };
}
