import type { Span } from "./spans";

/** A span where it stands in the tree of its instance. */
export interface Placed {
  span: Span;
  /** From 1. */
  level: number;
  /** The number of its children. */
  children: number;
  /** Its place among its siblings, from 1, and their number. */
  position: number;
  siblings: number;
  parent: string | undefined;
}

/**
 * Places spans below their parents, each list of siblings in the given order. A span whose parent is not among them is a
 * root, and so is the first of those that are each other's ancestors. It leaves out what is below closed ones.
 */
export function placeSpans(spans: Span[], isClosed: (id: string) => boolean): Placed[] {
  const known = new Set(spans.map(({ id }) => id));
  const below = new Map<string, Span[]>();
  const roots: Span[] = [];
  for (const span of spans) {
    const parent = span.parent_span_id;
    if (parent === null || parent === span.id || !known.has(parent)) roots.push(span);
    else listBelow(below, parent).push(span);
  }
  roots.push(...rootsOfCycles(spans, roots, below));
  return walk(roots, below, isClosed);
}

function listBelow(below: Map<string, Span[]>, parent: string): Span[] {
  const list = below.get(parent) ?? [];
  below.set(parent, list);
  return list;
}

/** For each circle of spans, the first one. Others then no longer lead back to it. */
function rootsOfCycles(spans: Span[], roots: Span[], below: Map<string, Span[]>): Span[] {
  const reached = new Set<string>();
  function reach(start: Span) {
    const open = [start];
    for (let span = open.pop(); span; span = open.pop()) {
      if (reached.has(span.id)) continue;
      reached.add(span.id);
      open.push(...(below.get(span.id) ?? []));
    }
  }
  for (const root of roots) reach(root);
  const found: Span[] = [];
  for (const span of spans) {
    if (reached.has(span.id)) continue;
    const parent = span.parent_span_id ?? "";
    below.set(
      parent,
      listBelow(below, parent).filter((one) => one !== span),
    );
    found.push(span);
    reach(span);
  }
  return found;
}

/** Depth first, without recursion: a chain may have thousands of links. */
function walk(roots: Span[], below: Map<string, Span[]>, isClosed: (id: string) => boolean): Placed[] {
  const placed: Placed[] = [];
  const open = [{ spans: roots, at: 0, parent: undefined as string | undefined }];
  for (let level = open.at(-1); level; level = open.at(-1)) {
    const span = level.spans[level.at++];
    if (!span) {
      open.pop();
      continue;
    }
    const children = below.get(span.id) ?? [];
    placed.push({
      span,
      level: open.length,
      children: children.length,
      position: level.at,
      siblings: level.spans.length,
      parent: level.parent,
    });
    if (children.length > 0 && !isClosed(span.id)) open.push({ spans: children, at: 0, parent: span.id });
  }
  return placed;
}
