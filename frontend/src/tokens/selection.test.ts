import { describe, expect, test } from "vitest";
import { token } from "../testing/samples";
import { everything, extend, nothing, pick, pickPage, type Selection, seen, without } from "./selection";

const page = ["a", "b", "c", "d", "e"].map((id) => token({ id }));
const idsOf = (selection: Selection) => [...selection.picked.keys()].sort().join("");

/** Sets rows by clicks; with "+", with Shift. */
const clicks = (...steps: string[]) =>
  steps.reduce((selection, step) => {
    const id = step.slice(-1);
    return pick(selection, page, id, !step.startsWith("-"), step.includes("+"));
  }, nothing);

describe("a range", () => {
  test.each([
    ["goes down from the last row set", ["b", "+d"], "bcd"],
    ["goes up too", ["d", "+b"], "bcd"],
    ["keeps its beginning", ["c", "+e", "+a"], "abcde"],
    ["clears rows that a click cleared", ["a", "+e", "-c", "-+e"], "ab"],
    ["without a beginning is one row", ["+d"], "d"],
  ])("%s", (_name, steps, ids) => {
    expect(idsOf(clicks(...steps))).toBe(ids);
  });

  test("that began on another page is one row", () => {
    const before = pick(nothing, [token({ id: "other" })], "other", true, false);
    expect([...pick(before, page, "d", true, true).picked.keys()]).toEqual(["other", "d"]);
  });

  test.each([
    ["grows and shrinks with the arrow keys", "b", ["c", "d", "c"], "bc"],
    ["turns around at its beginning", "c", ["d", "c", "b"], "bc"],
  ])("%s", (_name, from, moves, ids) => {
    let at = from;
    let selection = pick(nothing, page, from, true, false);
    for (const to of moves) {
      selection = extend(selection, page, at, to);
      at = to;
    }
    expect(idsOf(selection)).toBe(ids);
  });

  test("begins anew where the focus is, away from an older one", () => {
    expect(idsOf(extend(clicks("a"), page, "d", "c"))).toBe("acd");
  });
});

describe("a selection", () => {
  test("spans pages", () => {
    const next = [token({ id: "f" }), token({ id: "g" })];
    const both = pickPage(pickPage(nothing, page, true), next, true);
    expect(idsOf(both)).toBe("abcdefg");
    expect(idsOf(pickPage(both, page, false))).toBe("fg");
  });

  test("of all that match becomes one of the page without a row that is cleared", () => {
    const less = pick(everything, page, "c", false, false);
    expect(less.all).toBe(false);
    expect(idsOf(less)).toBe("abde");
  });

  test("knows the newest state of its tokens, and changes only if one did", () => {
    const before = clicks("a", "b");
    expect(seen(before, page)).toBe(before);
    const after = seen(before, [token({ id: "b", status: "revoked" }), token({ id: "c" })]);
    expect(after.picked.get("b")?.status).toBe("revoked");
    expect(idsOf(after)).toBe("ab");
  });

  test("loses tokens that a change has covered", () => {
    expect(idsOf(without(clicks("a", "+c"), ["a", "b", "x"]))).toBe("c");
  });
});
