import { screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { call } from "../api";
import { createQueryClient } from "../app/query-client";
import { failure, network, sent } from "../testing/network";
import { open } from "../testing/render";
import { list, signedIn, signedOut, token } from "../testing/samples";
import { forgetAccount } from "./session";

const background = "X-Tokentab-Background";
const polls = () => sent.filter(({ route }) => route === "GET /api_token");

/** Waits for the next poll of the list. */
async function nextPoll() {
  const before = polls().length;
  await vi.advanceTimersByTimeAsync(4_000);
  await waitFor(() => expect(polls().length).toBeGreaterThan(before));
  return polls()[before]?.headers; // a slow machine may have sent more since
}

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  network.on("GET /session", signedIn());
  network.on("GET /agent", list([]));
  network.on("GET /api_token", list([token({ name: "Reader" })]));
});

afterEach(() => {
  vi.useRealTimers();
});

describe("polling", () => {
  test("is marked as background until the user is active", async () => {
    window.dispatchEvent(new Event("pointerdown")); // such as on a link to the page
    open("/account/api-tokens");
    await screen.findByText("Reader");
    expect(sent[0]?.headers.has(background)).toBe(false);
    await nextPoll();
    expect((await nextPoll())?.get(background)).toBe("1");
    for (const deed of ["pointerdown", "keydown", "wheel"]) {
      const before = sent.length;
      window.dispatchEvent(new Event(deed));
      await nextPoll();
      // On a slow machine a poll of something else may come first, and the deed counts for that one.
      expect(sent.slice(before).filter(({ headers }) => !headers.has(background))).toHaveLength(1);
      expect((await nextPoll())?.get(background)).toBe("1");
    }
  });

  test("leads to sign-in if the session has ended, and forgets what was loaded", async () => {
    const { client } = open("/account/api-tokens");
    await screen.findByText("Reader");
    network.on("GET /session", signedOut());
    network.on("GET /api_token", failure(401, "not_authenticated", "Sign in."));
    await nextPoll();
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
    expect(screen.queryByText("Reader")).not.toBeInTheDocument();
    const kept = client.getQueryCache().getAll();
    expect(JSON.stringify(kept.map(({ state }) => state))).not.toContain("Reader");
  });

  test("sends the ETag and keeps the data if nothing has changed", async () => {
    const tagged = (tag: string, name: string) =>
      new Response(JSON.stringify(list([token({ name })])), { headers: { ETag: tag } });
    network.on("GET /api_token", () => tagged('W/"one"', "Reader"));
    open("/account/api-tokens");
    await screen.findByText("Reader");
    network.on("GET /api_token", () => new Response(null, { status: 304 }));
    expect((await nextPoll())?.get("If-None-Match")).toBe('W/"one"');
    expect(screen.getByText("Reader")).toBeInTheDocument();
    network.on("GET /api_token", () => tagged('W/"two"', "Writer"));
    await nextPoll();
    expect(await screen.findByText("Writer")).toBeInTheDocument();
    network.on("GET /api_token", () => new Response(null, { status: 304 }));
    expect((await nextPoll())?.get("If-None-Match")).toBe('W/"two"');
  });

  test("forgets all ETags when the user signs out", async () => {
    network.on("GET /agent", () => new Response(JSON.stringify(list([])), { headers: { ETag: '"one"' } }));
    for (const known of [false, true]) {
      await call("GET", "/agent");
      expect(sent.at(-1)?.headers.has("If-None-Match")).toBe(known);
    }
    forgetAccount(createQueryClient());
    await call("GET", "/agent");
    expect(sent.at(-1)?.headers.has("If-None-Match")).toBe(false);
  });
});
