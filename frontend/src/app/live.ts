import type { Query, QueryClient } from "@tanstack/react-query";
import { sessionKey } from "../session/session";
import type { Changed, Session } from "../wire";
import { setTold } from "./query-client";

/* In milliseconds. */
const apart = 1_000; // the least time between two loads
const longestSilence = 25_000; // the server sends a sign of life every 10 seconds
const longestWait = 60_000;

/** Stands for a change of any kind, since "activity" and "use" are of some queries only. */
const anything = "anything";

/** The first keys of queries for what agents do. Spans change them often, and nothing else. */
const activities = ["instances", "spans", "activity"];

function concerns({ queryKey: [first] }: Query, kinds: Set<string>): boolean {
  const spared = activities.includes(String(first)) ? "use" : "activity";
  return [...kinds].some((kind) => kind !== spared);
}

const polls = (query: Query) => query.observers.some(({ options }) => options.refetchInterval !== false);

/**
 * Loads again what the page shows whenever the server tells of a change. Without a stream, queries poll. Hidden pages have
 * none, because browsers open only six connections to a server over HTTP/1.1. Returns a function that ends it.
 */
export function followChanges(client: QueryClient): () => void {
  if (!("EventSource" in window)) return () => {};
  let source: EventSource | undefined;
  let opened = 0;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isLoading = false;
  /** What has changed since the last load. */
  let kinds = new Set<string>();
  let isOver = false;

  async function load(changed: string[]) {
    for (const kind of changed) kinds.add(kind);
    if (isLoading) return;
    isLoading = true;
    while (kinds.size > 0 && !isOver) {
      const now = kinds;
      kinds = new Set();
      // The user's own role or password may have changed.
      const isOwn = now.has("admin_user") || now.has(anything);
      const predicate = (query: Query) =>
        (polls(query) && concerns(query, now)) || (isOwn && query.queryKey[0] === sessionKey[0]);
      await Promise.all([client.invalidateQueries({ predicate }), wait(apart)]);
    }
    isLoading = false;
  }

  function disconnect() {
    clearTimeout(timer);
    source?.close();
    source = undefined;
    setTold(false);
  }

  function connect() {
    if (source || document.hidden) return;
    clearTimeout(timer);
    if (!client.getQueryData<Session>(sessionKey)?.admin_user) return fail();
    opened = Date.now();
    source = new EventSource("/api/v1/changes");
    source.onerror = fail;
    source.onmessage = hear;
    timer = setTimeout(fail, longestSilence);
    let isFirst = true;
    function hear({ data }: MessageEvent<string>) {
      clearTimeout(timer);
      timer = setTimeout(fail, longestSilence);
      const { kinds: changed }: Changed = JSON.parse(data);
      setTold(true);
      // Something may have changed before the stream began.
      void load(isFirst ? [anything] : changed);
      isFirst = false;
    }
  }

  /** Polls, and connects again later. The first poll notices that the session has ended. */
  function fail() {
    const wasOpen = source !== undefined;
    failures = wasOpen && Date.now() - opened > longestWait ? 0 : failures + 1;
    disconnect();
    if (wasOpen) void load([anything]);
    const most = Math.min(longestWait, apart * 2 ** (failures + 1));
    timer = setTimeout(connect, most * (0.5 + 0.5 * Math.random()));
  }

  function onVisibility() {
    if (document.hidden) disconnect();
    else connect();
  }

  document.addEventListener("visibilitychange", onVisibility);
  connect();
  return () => {
    isOver = true;
    document.removeEventListener("visibilitychange", onVisibility);
    disconnect();
  };
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
