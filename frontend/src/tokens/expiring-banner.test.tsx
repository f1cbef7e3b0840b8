import { cleanup, screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { agent } from "../testing/agent-samples";
import { network } from "../testing/network";
import { open } from "../testing/render";
import { list, one, signedIn, summary, token } from "../testing/samples";

const address = "/account/api-tokens";
const hours = 3_600_000;
const banner = () => screen.queryByRole("region", { name: "Expiring tokens" });

beforeEach(() => {
  localStorage.clear();
  network.on("GET /session", signedIn());
  network.on("GET /api_token", list([token()]));
});

test("tokens that expire soon are announced, with a link to them", async () => {
  const { user } = open(address);
  await user.click(await screen.findByRole("link", { name: "2 tokens expire within 14 days" }));
  expect(window.location.search).toBe("?expires=14");
  await waitFor(() => expect(banner()).not.toBeInTheDocument());
  expect(screen.getByRole("button", { name: /^Filter/ })).toHaveFocus();
});

test("the link keeps the order of the list", async () => {
  const { user } = open(`${address}?sort=name`);
  await user.click(await screen.findByRole("link", { name: "2 tokens expire within 14 days" }));
  expect(new URLSearchParams(window.location.search).get("sort")).toBe("name");
  expect(new URLSearchParams(window.location.search).get("expires")).toBe("14");
});

test("one token expires", async () => {
  network.on("GET /api_token/summary", one(summary({ expiring: 1 })));
  open(address);
  expect(await screen.findByRole("link", { name: "1 token expires within 14 days" })).toBeInTheDocument();
});

test("without such tokens nothing is announced", async () => {
  network.on("GET /api_token/summary", one(summary({ expiring: 0 })));
  open(address);
  await screen.findByRole("button", { name: "Expiring within 14 days 0" });
  expect(banner()).not.toBeInTheDocument();
});

test("it stays dismissed for a day, also after a reload", async () => {
  const { user } = open(address);
  await user.click(await screen.findByRole("button", { name: "Dismiss for a day" }));
  expect(banner()).not.toBeInTheDocument();
  expect(screen.getByRole("button", { name: /^Filter/ })).toHaveFocus();
  cleanup();
  const now = Date.now();
  for (const [later, shown] of [
    [23 * hours, false],
    [25 * hours, true],
    [-hours, true],
  ] as const) {
    vi.spyOn(Date, "now").mockReturnValue(now + later);
    open(address);
    await screen.findByRole("button", { name: "Expiring within 14 days 2" });
    expect(banner() !== null).toBe(shown);
    vi.restoreAllMocks();
    cleanup();
  }
});

test("an agent's page announces nothing", async () => {
  network.on("GET /agent/:id", one(agent()));
  network.on("GET /agent_deployment", list([]));
  network.on("GET /environment", list([]));
  open("/agents/agent-1/deployments");
  await screen.findByRole("button", { name: "Expiring within 14 days 2" });
  expect(banner()).not.toBeInTheDocument();
});
