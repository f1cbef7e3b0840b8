import { count } from "../ui/count";
import type { ApiToken } from "../wire";

/** The chosen tokens of a list. */
export interface Selection {
  /** Whether they are all that match, also those on no page yet. */
  all: boolean;
  /** Those chosen one by one, by id and as last seen; empty if all are chosen. */
  picked: ReadonlyMap<string, ApiToken>;
  /** The id where a range begins. */
  anchor?: string;
}

export const nothing: Selection = { all: false, picked: new Map() };

export const everything: Selection = { all: true, picked: new Map() };

export const hasToken = ({ all, picked }: Selection, id: string) => all || picked.has(id);

/** The number of chosen tokens. `matching` is how many there are. */
export const amountOf = ({ all, picked }: Selection, matching: number) => (all ? matching : picked.size);

/**
 * Says so if more tokens match than the page has, and none of the others is chosen. After all that match were chosen,
 * clearing one row leaves only the page's.
 */
export const whereOf = ({ all, picked }: Selection, page: ApiToken[], matching: number) =>
  !all && matching > page.length && [...picked.keys()].every((id) => page.some((one) => one.id === id))
    ? " on this page"
    : "";

/** Said when a selection changes. */
export const selectionText = (selection: Selection, page: ApiToken[], matching: number) =>
  `${count(amountOf(selection, matching), "token")} selected${whereOf(selection, page, matching)}. Enter on a checkbox leads to the actions.`;

/** Chooses tokens, or no longer. If all were chosen, those on the page remain. */
function set({ all, picked, anchor }: Selection, page: ApiToken[], ids: string[], on: boolean): Selection {
  const next = all ? new Map(page.map((token) => [token.id, token])) : new Map(picked);
  for (const id of ids) {
    const token = page.find((one) => one.id === id);
    if (!on) next.delete(id);
    else if (token) next.set(id, token);
  }
  return { all: false, picked: next, anchor };
}

/** The ids from one row to another; only the second if the first is not on the page. */
function between(page: ApiToken[], from: string | undefined, to: string): string[] {
  const ids = page.map(({ id }) => id);
  const [start, end] = [ids.indexOf(from ?? ""), ids.indexOf(to)];
  return start < 0 ? [to] : ids.slice(Math.min(start, end), Math.max(start, end) + 1);
}

/** Sets one row or, with `range`, every row from the last one set. */
export function pick(
  selection: Selection,
  page: ApiToken[],
  id: string,
  on: boolean,
  range: boolean,
): Selection {
  if (range) return set(selection, page, between(page, selection.anchor, id), on);
  return { ...set(selection, page, [id], on), anchor: id };
}

/** Moves the end of a range from one row to the next. Towards its beginning, the row that is left is no longer chosen. */
export function extend(selection: Selection, page: ApiToken[], from: string, to: string): Selection {
  const isRange = between(page, selection.anchor, from).every((id) => hasToken(selection, id));
  const anchor = isRange && page.some(({ id }) => id === selection.anchor) ? selection.anchor : from;
  const back = between(page, anchor, to).length < between(page, anchor, from).length;
  const next = back ? set(selection, page, [from], false) : set(selection, page, [from, to], true);
  return { ...next, anchor };
}

/** Sets every row of the page. */
export function pickPage(selection: Selection, page: ApiToken[], on: boolean): Selection {
  return set(
    selection,
    page,
    page.map(({ id }) => id),
    on,
  );
}

/** Takes over what a newer answer says of the chosen tokens. */
export function seen(selection: Selection, page: ApiToken[]): Selection {
  const newer = page.filter(
    ({ id }) => selection.picked.has(id) && !page.includes(selection.picked.get(id) as ApiToken),
  );
  if (newer.length === 0) return selection;
  const picked = new Map(selection.picked);
  for (const token of newer) picked.set(token.id, token);
  return { ...selection, picked };
}

/** Drops tokens, such as those that a change has handled. */
export function without(selection: Selection, ids: string[]): Selection {
  const picked = new Map(selection.picked);
  for (const id of ids) picked.delete(id);
  return { ...selection, picked };
}
