import { screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { agent } from "../testing/agent-samples";
import { bodiesOf, failure, network, sent, unreachable } from "../testing/network";
import { open } from "../testing/render";
import { environment, list, one, signedIn, signedOut, token } from "../testing/samples";

/** The streams that the page has opened, in order. */
const streams: Stream[] = [];

class Stream {
  onmessage?: (event: { data: string }) => void;
  onerror?: () => void;
  isOpen = true;
  constructor(readonly url: string) {
    streams.push(this);
  }
  close() {
    this.isOpen = false;
  }
  tell(...kinds: string[]) {
    this.onmessage?.({ data: JSON.stringify({ kinds }) });
  }
}

const loads = () => sent.filter(({ route }) => route === "GET /api_token").length;
const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

/** How often the page loads its list in a time. */
async function loadsIn(milliseconds: number) {
  const before = loads();
  await pass(milliseconds);
  return loads() - before;
}

async function opened() {
  const page = open("/account/api-tokens");
  await screen.findByText("Reader");
  const stream = await nextStream(0);
  return { ...page, stream };
}

/** The stream after this many. */
async function nextStream(known: number): Promise<Stream> {
  await waitFor(() => expect(streams.length).toBeGreaterThan(known));
  return streams[known] as Stream;
}

function setHidden(hidden: boolean) {
  vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  streams.length = 0;
  vi.stubGlobal("EventSource", Stream);
  network.on("GET /session", signedIn());
  network.on("GET /agent", list([]));
  network.on("GET /api_token", list([token({ name: "Reader" })]));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a page that the server tells of changes", () => {
  test("loads again at once, at most once a second, and hardly polls", async () => {
    const { stream } = await opened();
    stream.tell();
    await pass(1_100);
    expect(await loadsIn(20_000)).toBe(0);
    network.on("GET /api_token", list([token({ name: "Writer" })]));
    for (let i = 0; i < 10; i++) stream.tell("api_token");
    expect(await screen.findByText("Writer")).toBeInTheDocument();
    expect(await loadsIn(3_000)).toBe(1);
    stream.tell();
    expect(await loadsIn(3_000)).toBe(0);
    for (let i = 0; i < 6; i++) {
      await pass(15_000);
      stream.tell();
    }
    expect(streams).toHaveLength(1);
  });

  test("loads again when the browser is back on the network", async () => {
    const { stream } = await opened();
    stream.tell();
    await pass(1_100);
    network.on("GET /api_token", unreachable);
    stream.tell("api_token");
    window.dispatchEvent(new Event("offline"));
    expect(await screen.findByText(/can’t be reached/)).toBeInTheDocument();
    network.on("GET /api_token", list([token({ name: "Writer" })]));
    window.dispatchEvent(new Event("online"));
    await pass(100);
    expect(screen.getByText("Writer")).toBeInTheDocument();
  });

  test("loads what agents do if they did something, and the rest if tokens were used", async () => {
    network.on("GET /agent/:id", one(agent()));
    network.on("GET /agent_deployment", list([]));
    open("/agents/agent-1/instances");
    await screen.findByText("No instances yet");
    const stream = await nextStream(0);
    stream.tell();
    await pass(1_100);
    const loadsOf = async (kind: string) => {
      const before = sent.length;
      stream.tell(kind);
      await pass(1_100);
      return new Set(sent.slice(before).map(({ route }) => route));
    };
    const ofAgents = ["GET /agent_instance", "GET /agent/:id/activity"];
    expect(await loadsOf("activity")).toEqual(new Set(ofAgents));
    const used = await loadsOf("use");
    expect(used).toContain("GET /agent/:id");
    for (const route of ofAgents) expect(used).not.toContain(route);
    expect(await loadsOf("agent_instance")).toEqual(new Set([...used, ...ofAgents]));
  });

  test("offers no environment that was deleted while the dialog is open", async () => {
    network.on("GET /agent/:id", one(agent()));
    network.on("GET /agent_deployment", list([]));
    network.on("GET /environment", list([environment(), environment({ id: "environment-2", name: "QA" })]));
    const { user } = open("/agents/agent-1/deployments?create=token");
    await user.click(await screen.findByRole("radio", { name: /QA/ }));
    network.on("GET /environment", list([environment()]));
    const stream = await nextStream(0);
    stream.tell("environment");
    await waitFor(() => expect(screen.queryByRole("radio", { name: /QA/ })).not.toBeInTheDocument());
    await user.click(screen.getByRole("button", { name: "Create token" }));
    expect(await screen.findByText("Choose an environment.")).toBeInTheDocument();
    expect(bodiesOf("POST /api_token")).toEqual([]);
  });

  test("keeps the input and the focus of an open dialog", async () => {
    network.on("GET /environment", list([]));
    const { stream, user } = await opened();
    stream.tell();
    await user.click(screen.getByRole("button", { name: "Create API token" }));
    const name = await screen.findByRole("textbox", { name: /name/i });
    await user.type(name, "Nightly");
    const before = loads();
    network.on("GET /api_token", list([token({ name: "Writer" })]));
    stream.tell("api_token");
    await waitFor(() => expect(loads()).toBeGreaterThan(before));
    await pass(1_000);
    expect(name).toHaveValue("Nightly");
    expect(name).toHaveFocus();
  });

  test.each(["breaks", "falls silent"])("polls if the stream %s, and connects again", async (how) => {
    const { stream } = await opened();
    stream.tell();
    await pass(2_000);
    if (how === "breaks") stream.onerror?.();
    else await pass(25_000);
    expect(stream.isOpen).toBe(false);
    const next = await nextStream(1);
    expect(await loadsIn(8_500)).toBeGreaterThanOrEqual(2);
    next.tell();
    await pass(1_100);
    expect(await loadsIn(20_000)).toBe(0);
  });

  test("polls if it can’t have a stream, and tries ever more seldom", async () => {
    await opened();
    const tries: number[] = [];
    for (let i = 0; i < 5; i++) {
      const from = Date.now();
      streams.at(-1)?.onerror?.();
      const known = streams.length;
      while (streams.length === known) await pass(500);
      tries.push(Date.now() - from);
    }
    expect(Math.max(...tries)).toBeLessThan(66_000);
    expect(tries[4]).toBeGreaterThanOrEqual(8_000);
    streams.at(-1)?.onerror?.();
    expect(await loadsIn(8_500)).toBeGreaterThanOrEqual(2);
  });

  test("has no stream while it is hidden", async () => {
    const { stream } = await opened();
    stream.tell();
    setHidden(true);
    expect(stream.isOpen).toBe(false);
    await pass(70_000);
    expect(streams).toHaveLength(1);
    setHidden(false);
    expect(streams).toHaveLength(2);
  });

  test("leads to sign-in at once if the session ends, and then leaves the server alone", async () => {
    const { stream } = await opened();
    stream.tell();
    network.on("GET /session", signedOut());
    network.on("GET /api_token", failure(401, "not_authenticated", "Sign in."));
    network.on("GET /api_token/summary", failure(401, "not_authenticated", "Sign in."));
    network.on("GET /api_token/moves", failure(401, "not_authenticated", "Sign in."));
    stream.onerror?.();
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
    const known = streams.length;
    await pass(120_000);
    expect(streams).toHaveLength(known);
  });
});
