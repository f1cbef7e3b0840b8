import { describe, expect, test } from "vitest";
import { span } from "../testing/agent-samples";
import { placeSpans } from "./span-tree";

/** "c" is a root, "c<a" is below a. */
const spansOf = (...texts: string[]) =>
  texts.map((text) => {
    const [id = "", parent] = text.split("<");
    return { ...span({ id, parent_span_id: parent ?? null }), payload: "{}", result_payload: "null" };
  });

/** Each span behind a dash for each level. */
const drawn = (texts: string[], closed: string[] = []) =>
  placeSpans(spansOf(...texts), (id) => closed.includes(id)).map(
    ({ span: { id }, level }) => "-".repeat(level - 1) + id,
  );

describe("spans are placed", () => {
  test.each([
    [
      ["a", "b<a", "c<b", "d<a", "e"],
      ["a", "-b", "--c", "-d", "e"],
    ],
    // A child may arrive before its parent, and a parent may never arrive.
    [
      ["c<b", "b<a", "x<gone"],
      ["b", "-c", "x"],
    ],
    [
      ["c<b", "b<a", "a"],
      ["a", "-b", "--c"],
    ],
    // Circles are cut at the span that came first.
    [["a<a"], ["a"]],
    [
      ["a<b", "b<a"],
      ["a", "-b"],
    ],
    [
      ["r", "a<c", "b<a", "c<b", "d<b", "e<r"],
      ["r", "-e", "a", "-b", "--c", "--d"],
    ],
    // A span below a circle comes before it.
    [
      ["d<b", "a<b", "b<a"],
      ["d", "a", "-b"],
    ],
    [[], []],
  ])("%j as %j", (texts, tree) => {
    expect(drawn(texts)).toEqual(tree);
  });

  test("without those below a closed one, with the places that screen readers tell", () => {
    const texts = ["a", "b<a", "c<b", "d<a", "e"];
    expect(drawn(texts, ["a"])).toEqual(["a", "e"]);
    expect(drawn(texts, ["b"])).toEqual(["a", "-b", "-d", "e"]);
    const [first, second] = placeSpans(spansOf(...texts), () => false);
    expect(first).toMatchObject({ position: 1, siblings: 2, children: 2, parent: undefined });
    expect(second).toMatchObject({ position: 1, siblings: 2, children: 1, parent: "a" });
  });

  test("also in a chain and a circle of thousands", () => {
    const chain = Array.from({ length: 5_000 }, (_, at) => (at === 0 ? "s0" : `s${at}<s${at - 1}`));
    expect(placeSpans(spansOf(...chain), () => false).at(-1)?.level).toBe(5_000);
    const circle = ["s0<s4999", ...chain.slice(1)];
    expect(placeSpans(spansOf(...circle), () => false)).toHaveLength(5_000);
  });
});
