import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { bodiesOf, failure, network, slow } from "../testing/network";
import { expectWaiting, open } from "../testing/render";
import { ago } from "../testing/sample";
import { actionsOf, list, one, signedIn, token, use } from "../testing/samples";
import type { ApiToken, ApiTokenUse, TokenStatus } from "../wire";

const minute = 60_000;
const hour = 60 * minute;
let shown: ApiToken;

/** The token was used last so long ago, or never. */
function lastUsed(milliseconds: number | null, more: Partial<ApiTokenUse> = {}) {
  const at = milliseconds === null ? null : ago(milliseconds);
  shown = token({ last_used_at: at });
  network.on("GET /api_token/:id/use", one(use({ last_used_at: at, ...more })));
}

function becomes(status: TokenStatus) {
  return () => {
    shown = { ...shown, status, available_actions: actionsOf(status) };
    return one(shown);
  };
}

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /api_token", ({ query }: { query: URLSearchParams }) =>
    list(query.has("descendants_of") ? [] : [shown]),
  );
  network.on("POST /api_token/:id/suspend", becomes("suspended"));
  network.on("POST /api_token/:id/revoke", becomes("revoked"));
});

async function choose(item: string) {
  const { user } = open("/account/api-tokens");
  await user.click(await screen.findByRole("button", { name: /^Actions for/ }));
  await user.click(await screen.findByRole("menuitem", { name: item }));
  return user;
}

const asked = async (title: string) => within(await screen.findByRole("alertdialog", { name: title }));
const field = { name: "Last four characters of the token" };
const suspensions = () => bodiesOf("POST /api_token/:id/suspend");
const revocations = () => bodiesOf("POST /api_token/:id/revoke");

describe("a question about a token", () => {
  test("that was never used takes one click, once the uses are known", async () => {
    lastUsed(null);
    let answer = () => {};
    network.on(
      "GET /api_token/:id/use",
      () => new Promise((resolve) => (answer = () => resolve(one(use())))),
    );
    const user = await choose("Revoke");
    const question = await asked("Revoke this token?");
    expect(question.getByRole("button", { name: "Revoke token" })).toBeDisabled();
    answer();
    await waitFor(() => expect(question.getByRole("button", { name: "Revoke token" })).toBeEnabled());
    expect(question.queryByRole("textbox", field)).not.toBeInTheDocument();
    expect(question.queryByRole("button", { name: "Suspend instead" })).not.toBeInTheDocument();
    await user.type(question.getByRole("textbox", { name: /^Reason/ }), " leaked in a log ");
    await user.click(question.getByRole("button", { name: "Revoke token" }));
    await waitFor(() => expect(revocations()).toEqual([{ details: { reason: "leaked in a log" } }]));
  });

  test("to revoke waits until it knows whether there are tokens to offer as well", async () => {
    lastUsed(5 * minute);
    let answer = () => {};
    const created = new Promise((resolve) => {
      answer = () => resolve(list([token({ id: "token-2" })]));
    });
    network.on("GET /api_token", ({ query }: { query: URLSearchParams }) =>
      query.has("descendants_of") ? created : list([shown]),
    );
    const user = await choose("Revoke");
    const question = await asked("Revoke this token?");
    const typed = await question.findByRole("textbox", field);
    await user.type(typed, "x7Qa{Enter}");
    const yes = question.getByRole("button", { name: "Revoke token" });
    expect(yes).toBeDisabled();
    expect(revocations()).toEqual([]);
    answer();
    await user.click(await question.findByRole("checkbox", { name: "Also revoke the 1 token it created" }));
    expect(yes).toBeEnabled();
    await user.click(yes);
    await waitFor(() => expect(revocations()).toEqual([{ details: { with_descendants: true } }]));
  });

  test("to revoke waits for a slow count for three seconds only", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    try {
      lastUsed(null);
      network.on("GET /api_token", ({ query }: { query: URLSearchParams }) =>
        query.has("descendants_of") ? new Promise(() => {}) : list([shown]),
      );
      await choose("Revoke");
      const question = await asked("Revoke this token?");
      const yes = question.getByRole("button", { name: "Revoke token" });
      expect(yes).toBeDisabled();
      await act(() => vi.advanceTimersByTimeAsync(3_000));
      expect(question.getByRole("status")).toHaveTextContent("are still being counted");
      fireEvent.click(yes);
      await waitFor(() => expect(revocations()).toHaveLength(1));
    } finally {
      vi.useRealTimers();
    }
  });

  test("to revoke says if the tokens to offer could not be counted", async () => {
    lastUsed(null);
    network.on("GET /api_token", ({ query }: { query: URLSearchParams }) =>
      query.has("descendants_of") ? failure(503, "unexpected", "The store is unavailable.") : list([shown]),
    );
    const user = await choose("Revoke");
    const question = await asked("Revoke this token?");
    expect(await question.findByRole("alert")).toHaveTextContent(
      "The tokens that it created could not be counted, so they are not offered. The store is unavailable.",
    );
    await user.click(question.getByRole("button", { name: "Revoke token" }));
    await waitFor(() => expect(revocations()).toHaveLength(1));
  });

  test("that has no known characters is answered with those of its ID", async () => {
    lastUsed(5 * minute);
    shown = { ...shown, hint: "" };
    const user = await choose("Revoke");
    const question = await asked("Revoke this token?");
    expect(question.getByText(/^“CI”$/)).toBeInTheDocument();
    const typed = question.getByRole("textbox", { name: "Last four characters of the token ID" });
    const end = shown.id.slice(-4);
    await waitFor(() =>
      expect(typed).toHaveAccessibleDescription(`It was used within the last hour. Type ${end} to go on.`),
    );
    expect(question.getByRole("button", { name: "Revoke token" })).toBeDisabled();
    await user.type(typed, end);
    expect(question.getByRole("button", { name: "Revoke token" })).toBeEnabled();
  });

  test("that was used within a day offers to suspend it instead, in one click", async () => {
    lastUsed(2 * hour);
    const user = await choose("Revoke");
    const question = await asked("Revoke this token?");
    const instead = question.getByRole("button", { name: "Suspend instead" });
    await waitFor(() => expect(instead).toBeEnabled());
    expect(question.queryByRole("textbox", field)).not.toBeInTheDocument();
    await user.click(instead);
    await waitFor(() => expect(suspensions()).toHaveLength(1));
    expect(revocations()).toEqual([]);
    await waitFor(() => expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument());
  });

  test("that was used within the hour asks for the last four characters, and shows who would notice", async () => {
    lastUsed(5 * minute, {
      last_hour: { since: ago(hour), accepted: 12, refused: 0 },
      last_day: { since: ago(24 * hour), accepted: 1204, refused: 3 },
      addresses: ["192.0.2.7", "192.0.2.8", "192.0.2.9"].map((address) => ({
        address,
        last_accepted_at: ago(0),
        last_refused_at: null,
      })),
    });
    const user = await choose("Revoke");
    const question = await asked("Revoke this token?");
    expect(await question.findByText(/^12 accepted since/)).toBeInTheDocument();
    expect(question.getByText(/^1,204 accepted and 3 refused since/)).toBeInTheDocument();
    expect(question.getByText("192.0.2.8").parentElement).toHaveTextContent("192.0.2.8and 1 more");
    const yes = question.getByRole("button", { name: "Revoke token" });
    await user.type(question.getByRole("textbox", field), "x7qa");
    expect(yes).toBeDisabled();
    await user.clear(question.getByRole("textbox", field));
    await user.type(question.getByRole("textbox", field), "x7Qa{Enter}");
    await waitFor(() => expect(revocations()).toHaveLength(1));
  });

  test("that was used since its row was loaded asks as well", async () => {
    lastUsed(null);
    network.on("GET /api_token/:id/use", one(use({ last_used_at: ago(minute) })));
    await choose("Revoke");
    const question = await asked("Revoke this token?");
    expect(await question.findByRole("textbox", field)).toBeInTheDocument();
    expect(question.getByRole("button", { name: "Revoke token" })).toBeDisabled();
  });

  test("whose uses can't be loaded asks as if it were in use", async () => {
    lastUsed(null);
    network.on("GET /api_token/:id/use", failure(503, "unexpected", "The store is unavailable."));
    const user = await choose("Revoke");
    const question = await asked("Revoke this token?");
    expect(await question.findByRole("alert")).toHaveTextContent(
      "The uses of this token could not be loaded, so it may be in use. The store is unavailable.",
    );
    expect(question.getByRole("button", { name: "Revoke token" })).toBeDisabled();
    await user.type(question.getByRole("textbox", field), "x7Qa");
    await user.click(question.getByRole("button", { name: "Revoke token" }));
    await waitFor(() => expect(revocations()).toHaveLength(1));
  });

  test("is answered by neither a held key nor the Enter of an input method", async () => {
    lastUsed(null);
    await choose("Revoke");
    const question = await asked("Revoke this token?");
    await waitFor(() => expect(question.getByRole("button", { name: "Revoke token" })).toBeEnabled());
    const reason = question.getByRole("textbox", { name: /^Reason/ });
    fireEvent.keyDown(reason, { key: "Enter", repeat: true });
    fireEvent.keyDown(reason, { key: "Enter", isComposing: true });
    fireEvent.keyDown(reason, { key: "Enter", keyCode: 229 });
    fireEvent.change(reason, { target: { value: "leaked" } });
    fireEvent.keyDown(reason, { key: "Enter" });
    await waitFor(() => expect(revocations()).toEqual([{ details: { reason: "leaked" } }]));
  });

  test("waits as long as the server asks, also if it is answered by Enter", async () => {
    lastUsed(5 * minute);
    network.on("POST /api_token/:id/revoke", slow);
    const user = await choose("Revoke");
    const question = await asked("Revoke this token?");
    const typed = await question.findByRole("textbox", field);
    await user.type(typed, "x7Qa");
    await waitFor(() => expect(question.getByRole("button", { name: "Revoke token" })).toBeEnabled());
    await user.type(typed, "{Enter}");
    expectWaiting(await question.findByRole("button", { name: "Try again in 60 s" }));
    await user.type(typed, "{Enter}");
    expect(revocations()).toHaveLength(1);
  });

  test("to suspend comes only if it was used within the hour, also in place of a revocation", async () => {
    lastUsed(5 * minute);
    const user = await choose("Revoke");
    const revoke = await asked("Revoke this token?");
    const instead = revoke.getByRole("button", { name: "Suspend instead" });
    await waitFor(() => expect(instead).toBeEnabled());
    await user.click(instead);
    const suspend = await asked("Suspend this token?");
    expect(suspensions()).toEqual([]);
    await user.type(suspend.getByRole("textbox", field), "x7Qa");
    await user.click(suspend.getByRole("button", { name: "Suspend token" }));
    await waitFor(() => expect(suspensions()).toHaveLength(1));
  });
});
