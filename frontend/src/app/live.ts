import type { Query, QueryClient } from "@tanstack/react-query";
import { sessionKey } from "../session/session";
import type { Changed, Session } from "../wire";
import { setTold } from "./query-client";

/* In milliseconds. */
const apart = 1_000; // the least time between two loads
const longestSilence = 25_000; // the server sends a sign of life every 10 seconds
const longestWait = 60_000;

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
  let loadsAgain = false;
  let isOver = false;

  async function load() {
    loadsAgain = true;
    if (isLoading) return;
    isLoading = true;
    while (loadsAgain && !isOver) {
      loadsAgain = false;
      await Promise.all([client.invalidateQueries({ predicate: polls }), wait(apart)]);
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
      const { kinds }: Changed = JSON.parse(data);
      setTold(true);
      // Something may have changed before the stream began.
      if (isFirst || kinds.length > 0) void load();
      isFirst = false;
    }
  }

  /** Polls, and connects again later. The first poll notices that the session has ended. */
  function fail() {
    const wasOpen = source !== undefined;
    failures = wasOpen && Date.now() - opened > longestWait ? 0 : failures + 1;
    disconnect();
    if (wasOpen) void load();
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
