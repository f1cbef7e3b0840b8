import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { bodiesOf, failure, network, noRoute, unreachable } from "../testing/network";
import { expectMessage, open } from "../testing/render";
import { ago } from "../testing/sample";
import { actionsOf, list, one, signedIn, token, use } from "../testing/samples";
import type { ApiToken, TokenStatus } from "../wire";

const minute = 60_000;

/** What the server has; undefined once it is deleted. */
let stored: ApiToken | undefined;
/** What the list shows of it. */
let isListed: boolean;

const becomes = (status: TokenStatus) => {
  stored = stored && { ...stored, status, available_actions: actionsOf(status) };
};

const statusAfter = { suspend: "suspended", activate: "active", revoke: "revoked" } as const;

beforeEach(() => {
  stored = token({ last_used_at: null });
  isListed = true;
  network.on("GET /session", signedIn());
  network.on("GET /api_token", ({ query }: { query: URLSearchParams }) =>
    list(stored && isListed && !query.has("descendants_of") ? [stored] : []),
  );
  network.on("GET /api_token/:id", () =>
    stored ? one(stored) : failure(404, "not_found", "No such token."),
  );
});

/** Lets the server carry moves out, or not, and answer each of them like this. */
function answering(answer: unknown, carriesOut: boolean) {
  for (const [move, status] of Object.entries(statusAfter)) {
    network.on(`POST /api_token/:id/${move}`, () => {
      if (carriesOut) becomes(status);
      return answer;
    });
  }
  network.on("POST /api_token/:id/end_old_secret", () => {
    if (carriesOut && stored) stored = { ...stored, old_secret: undefined };
    return answer;
  });
  network.on("DELETE /api_token/:id", () => {
    if (carriesOut) stored = undefined;
    return answer;
  });
}

async function choose(item: string, address = "/account/api-tokens") {
  const opened = open(address);
  await opened.user.click(await screen.findByRole("button", { name: /^Actions for/ }));
  await opened.user.click(await screen.findByRole("menuitem", { name: item }));
  return opened;
}

const asked = async (name: RegExp | string) => within(await screen.findByRole("alertdialog", { name }));
const isClosed = () => waitFor(() => expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument());

async function sayYes({ user }: Awaited<ReturnType<typeof choose>>, name: string) {
  const yes = await screen.findByRole("button", { name });
  await waitFor(() => expect(yes).toBeEnabled());
  await user.click(yes);
}

/** Loads again what the page shows, as it does when the server tells of a change. */
const hear = async ({ client }: Awaited<ReturnType<typeof choose>>) => {
  await client.invalidateQueries({ queryKey: ["tokens"] });
};

describe("a move whose answer is lost", () => {
  const proxy = failure(502, "unexpected", "Bad gateway");

  test.each<[string, string, Partial<ApiToken>, RegExp, unknown]>([
    ["Suspend", "", {}, /^“CI” \(…x7Qa\) suspended\./, unreachable],
    ["Activate", "", { status: "suspended" }, /^“CI” \(…x7Qa\) activated\./, proxy],
    ["Revoke", "Revoke token", {}, /^“CI” \(…x7Qa\) revoked\./, unreachable],
    ["Delete", "Delete token", { status: "revoked" }, /^“CI” \(…x7Qa\) deleted\./, proxy],
    [
      "End old secret",
      "End old secret",
      { old_secret: { hint: "oLd1", ends_at: ago(-minute) } },
      /^“CI” \(…x7Qa\) has one secret now\./,
      unreachable,
    ],
  ])("is announced as done if the token shows it: %s", async (item, yes, more, text, answer) => {
    stored = token({ last_used_at: null, ...more });
    answering(answer, true);
    const opened = await choose(item);
    if (yes) await sayYes(opened, yes);
    await expectMessage(text);
    await isClosed();
  });

  describe("and that covers the tokens that it created", () => {
    const lost = () => {
      becomes("revoked");
      return unreachable;
    };

    /** Revokes them too; the server answers one try after the other. */
    async function revokeAll(...answers: (() => unknown)[]) {
      network.on("GET /api_token", ({ query }: { query: URLSearchParams }) =>
        list(query.has("descendants_of") ? [token({ id: "token-2" })] : [stored]),
      );
      network.on("POST /api_token/:id/revoke", () => answers.shift()?.());
      const opened = await choose("Revoke");
      await opened.user.click(await screen.findByRole("checkbox", { name: /^Also revoke/ }));
      await sayYes(opened, "Revoke token");
    }

    test.each([
      ["now", () => one(stored)],
      ["before", () => failure(409, "invalid_action", "Nothing is left to revoke.")],
    ])(
      "is asked for again, and announced once the server says that all were revoked %s",
      async (_, answer) => {
        await revokeAll(lost, answer);
        await expectMessage(/^“CI” \(…x7Qa\) revoked\./);
        const body = { details: { with_descendants: true } };
        expect(bodiesOf("POST /api_token/:id/revoke")).toEqual([body, body]);
        await isClosed();
      },
    );

    test("is not claimed of those while the server says nothing", async () => {
      await revokeAll(lost, lost);
      await expectMessage(
        /^“CI” \(…x7Qa\) was revoked, but the tokens that it created may not have been\. Tokentab can’t be/,
      );
      await isClosed();
    });

    test("is not claimed of those if the session has ended meanwhile", async () => {
      await revokeAll(lost, () => failure(401, "not_authenticated", "Send an API token as a bearer token."));
      await expectMessage(/but the tokens that it created may not have been\. Your session had ended\./);
    });
  });

  test("leaves the page of a token that it has deleted", async () => {
    stored = token({ status: "revoked", last_used_at: null });
    network.on("GET /api_token/:id/events", list([]));
    answering(unreachable, true);
    await sayYes(await choose("Delete", "/account/api-tokens/token-1"), "Delete token");
    await expectMessage(/^“CI” \(…x7Qa\) deleted\./);
    expect(window.location.pathname).toBe("/account/api-tokens");
  });

  test("is not claimed either way while the token can't be read", async () => {
    answering(unreachable, true);
    const read = () => (stored ? one(stored) : undefined);
    network.on("GET /api_token/:id", unreachable);
    const opened = await choose("Revoke");
    network.on("GET /api_token", unreachable);
    await sayYes(opened, "Revoke token");
    const question = await asked("Revoke this token?");
    expect(await question.findByRole("alert")).toHaveTextContent(
      "“CI” (…x7Qa) may not have been revoked. Tokentab can’t be reached.",
    );
    network.on("GET /api_token/:id", read);
    network.on("GET /api_token", () => list([stored]));
    await hear(opened);
    expect(await screen.findByRole("alertdialog", { name: "Already revoked" })).toBeVisible();
  });

  test("asked for again after all was done is announced as done", async () => {
    answering(unreachable, true);
    network.on("GET /api_token/:id", unreachable);
    const opened = await choose("Suspend");
    await expectMessage(/^“CI” \(…x7Qa\) may not have been suspended\. Tokentab can’t be reached\./);
    // The row is as old as before the move.
    answering(failure(409, "invalid_action", "It is suspended already."), true);
    network.on("GET /api_token/:id", () => one(stored));
    network.on("GET /api_token", list([token({ last_used_at: null })]));
    await hear(opened);
    await opened.user.click(screen.getByRole("button", { name: /^Actions for/ }));
    await opened.user.click(await screen.findByRole("menuitem", { name: "Suspend" }));
    await expectMessage(/^“CI” \(…x7Qa\) suspended\./);
  });
});

describe("a move that fails", () => {
  beforeEach(() => {
    stored = token({ last_used_at: ago(5 * minute) });
    network.on("GET /api_token/:id/use", one(use({ last_used_at: ago(5 * minute) })));
  });

  async function fill(opened: Awaited<ReturnType<typeof choose>>) {
    const question = await asked("Revoke this token?");
    const typed = await question.findByRole("textbox", { name: "Last four characters of the token" });
    await opened.user.type(typed, "x7Qa");
    await opened.user.type(question.getByRole("textbox", { name: /^Reason/ }), "leaked");
    return { question, typed };
  }

  test("keeps its question open with all input, says so there, and can be tried again", async () => {
    answering(failure(503, "unexpected", "The store is unavailable."), false);
    const opened = await choose("Revoke");
    const { question, typed } = await fill(opened);
    await sayYes(opened, "Revoke token");
    expect(await question.findByRole("alert")).toHaveTextContent(
      "“CI” (…x7Qa) was not revoked. The store is unavailable.",
    );
    expect(typed).toHaveValue("x7Qa");
    expect(question.getByRole("textbox", { name: /^Reason/ })).toHaveValue("leaked");
    expect(question.getByRole("button", { name: "Revoke token" })).toHaveFocus();
    network.on("POST /api_token/:id/revoke", () => {
      becomes("revoked");
      return one(stored);
    });
    await sayYes(opened, "Revoke token");
    await expectMessage(/^“CI” \(…x7Qa\) revoked\./);
    await isClosed();
  });

  test("keeps the question of a revoke when suspending instead fails", async () => {
    const at = ago(2 * 60 * minute);
    stored = token({ last_used_at: at });
    network.on("GET /api_token/:id/use", one(use({ last_used_at: at })));
    answering(unreachable, false);
    const opened = await choose("Revoke");
    await sayYes(opened, "Suspend instead");
    const question = await asked("Revoke this token?");
    expect(await question.findByRole("alert")).toHaveTextContent(
      "“CI” (…x7Qa) is not suspended yet. The server may still be working on it. Try again.",
    );
  });

  test.each([
    [
      "the proxy gave up waiting",
      failure(504, "unexpected", "Gateway timeout"),
      /is not revoked yet\. The server may still/,
    ],
    ["the connection broke", unreachable, /is not revoked yet\. The server may still/],
    ["the server failed", failure(500, "unexpected", "It failed."), /was not revoked\. It failed\./],
  ])("is not called over unless the server has answered: %s", async (_, answer, text) => {
    stored = token({ last_used_at: null });
    network.on("GET /api_token/:id/use", one(use()));
    answering(answer, false);
    await sayYes(await choose("Revoke"), "Revoke token");
    const question = await asked("Revoke this token?");
    expect(await question.findByRole("alert")).toHaveTextContent(text);
  });

  test("is not called over while a proxy answers for a server that starts again", async () => {
    stored = token({ last_used_at: null });
    network.on("GET /api_token/:id/use", one(use()));
    answering(noRoute, false);
    const opened = await choose("Revoke");
    network.on("GET /api_token/:id", noRoute);
    await sayYes(opened, "Revoke token");
    expect(await (await asked("Revoke this token?")).findByRole("alert")).toHaveTextContent(
      "“CI” (…x7Qa) may not have been revoked. A proxy answered instead of Tokentab (404).",
    );
  });

  test("closes its question once the move is no longer possible, and says so", async () => {
    answering(failure(409, "invalid_action", "Not in this state."), false);
    const opened = await choose("Revoke");
    await fill(opened);
    const yes = screen.getByRole("button", { name: "Revoke token" });
    stored = undefined;
    await opened.user.click(yes);
    await expectMessage("“CI” (…x7Qa) was deleted in the meantime. The page is up to date again.");
    await isClosed();
  });

  test("forgets the failure with the question", async () => {
    answering(failure(503, "unexpected", "The store is unavailable."), false);
    const opened = await choose("Revoke");
    const { question } = await fill(opened);
    await sayYes(opened, "Revoke token");
    await question.findByRole("alert");
    await opened.user.keyboard("{Escape}");
    await isClosed();
    await opened.user.click(screen.getByRole("button", { name: /^Actions for/ }));
    await opened.user.click(await screen.findByRole("menuitem", { name: "Revoke" }));
    expect((await asked("Revoke this token?")).queryByRole("alert")).not.toBeInTheDocument();
  });
});

describe("a question about a token that changes meanwhile", () => {
  async function expectOver(title: string, text: string, { user }: Awaited<ReturnType<typeof choose>>) {
    const question = await asked(title);
    expect(question.getByRole("alert")).toHaveTextContent(text);
    expect(question.getAllByRole("button").map(({ textContent }) => textContent)).toEqual(["Close"]);
    await waitFor(() => expect(question.getByRole("button", { name: "Close" })).toHaveFocus());
    await user.keyboard("{Escape}");
    await isClosed();
  }

  test.each(["Revoke", "Suspend"])("offers only to close it once the token is revoked: %s", async (item) => {
    const at = ago(5 * minute);
    stored = token({ last_used_at: at });
    network.on("GET /api_token/:id/use", one(use({ last_used_at: at })));
    const opened = await choose(item);
    await asked(`${item} this token?`);
    becomes("revoked");
    await hear(opened);
    await expectOver("Already revoked", "“CI” (…x7Qa) was revoked in the meantime.", opened);
  });

  test("goes on asking whether to revoke a token that was suspended", async () => {
    const opened = await choose("Revoke");
    await asked("Revoke this token?");
    becomes("suspended");
    await hear(opened);
    const question = await asked("Revoke this token?");
    expect(await question.findByText(/^It is suspended, so/)).toBeInTheDocument();
    expect(question.getByRole("button", { name: "Revoke token" })).toBeEnabled();
  });

  test("offers only to close it once the token is deleted", async () => {
    stored = token({ status: "revoked", last_used_at: null });
    const opened = await choose("Delete");
    await asked("Delete this token?");
    stored = undefined;
    await hear(opened);
    await expectOver("Already deleted", "“CI” (…x7Qa) was deleted in the meantime.", opened);
  });

  test("follows a token that leaves the list", async () => {
    const opened = await choose("Revoke");
    await asked("Revoke this token?");
    isListed = false;
    await hear(opened);
    await waitFor(() => expect(screen.queryByRole("row", { hidden: true })).not.toBeInTheDocument());
    expect((await asked("Revoke this token?")).getByRole("button", { name: "Revoke token" })).toBeEnabled();
    becomes("revoked");
    await hear(opened);
    await expectOver("Already revoked", "“CI” (…x7Qa) was revoked in the meantime.", opened);
  });

  test("offers only to close it once the old secret has ended", async () => {
    stored = token({ last_used_at: null, old_secret: { hint: "oLd1", ends_at: ago(-minute) } });
    const opened = await choose("End old secret");
    await asked("End the old secret now?");
    stored = { ...stored, old_secret: undefined };
    await hear(opened);
    const text = "The old secret of “CI” (…x7Qa) was ended in the meantime.";
    await expectOver("Already ended", text, opened);
  });

  test("does not say so of a move that this page makes", async () => {
    let answer = () => {};
    network.on("POST /api_token/:id/revoke", async () => {
      becomes("revoked");
      await new Promise<void>((resolve) => (answer = resolve));
      return one(stored);
    });
    const opened = await choose("Revoke");
    await sayYes(opened, "Revoke token");
    await vi.waitFor(() => expect(stored?.status).toBe("revoked"));
    await hear(opened);
    expect(screen.getByRole("alertdialog", { name: "Revoke this token?" })).toBeVisible();
    answer();
    await isClosed();
  });
});
