import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { bodiesOf, failure, network, type Sent, unreachable } from "../testing/network";
import { goBack, open } from "../testing/render";
import { bulkResult, list, one, signedIn, token } from "../testing/samples";
import type { ApiToken, TokenBulk } from "../wire";

const address = "/account/api-tokens";

interface Body {
  idempotency_key?: string;
  details: TokenBulk;
}

const bodies = () => bodiesOf("POST /api_token/bulk") as Body[];
const changes = () => bodies().filter(({ details }) => !details.dry_run);

let stored: ApiToken[];

/** Answers dry runs by the ids, or for all that match, and changes by `change`. */
function onBulk(change: (body: Body) => unknown = ({ details }) => bulkAnswer(details)) {
  network.on("POST /api_token/bulk", ({ body }: Sent) => {
    const { details } = body as Body;
    return details.dry_run ? bulkAnswer(details) : change(body as Body);
  });
}

function bulkAnswer({ ids = stored.map(({ id }) => id), dry_run }: TokenBulk) {
  const { results, ...counts } = bulkResult(ids.map((id) => [id, null]));
  return one({ ...counts, results: dry_run ? [] : results });
}

beforeEach(() => {
  stored = ["Alpha", "Beta", "Gamma", "Delta"].map((name) => token({ id: `id-${name}`, name }));
  network.on("GET /session", signedIn());
  network.on("GET /api_token", () => list(stored));
  onBulk();
});

const box = (name: RegExp) => screen.findByRole("checkbox", { name });
const bar = () => screen.findByRole("region", { name: "Selected tokens" });
const noBar = () =>
  waitFor(() => expect(screen.queryByRole("region", { name: "Selected tokens" })).toBeNull());
type User = ReturnType<typeof open>["user"];

/** Presses a button of the bar. */
async function press(user: User, name: RegExp) {
  await user.click(within(await bar()).getByRole("button", { name }));
}

/** Selects the first tokens, and answers the question about them with yes. */
async function carryOut(user: User, amount: number, verb: string) {
  for (const { name } of stored.slice(0, amount)) await user.click(await box(new RegExp(`Select “${name}”`)));
  await press(user, new RegExp(`^${verb}`));
  await user.click(await screen.findByRole("button", { name: new RegExp(`^${verb} ${amount} `) }));
}

describe("selecting", () => {
  test("a shift-click selects every row in between, and the header says how many are", async () => {
    const { user } = open(address);
    await user.click(await box(/Alpha/));
    expect(await box(/all on this page/)).toBePartiallyChecked();
    await user.keyboard("{Shift>}");
    await user.click(await box(/Gamma/));
    await user.keyboard("{/Shift}");
    expect(await bar()).toHaveTextContent("3 selected");
    await user.click(await box(/all on this page/));
    expect(await bar()).toHaveTextContent("4 selected");
    expect(await box(/all on this page/)).toBeChecked();
    await user.click(await box(/all on this page/));
    await noBar();
  });

  test("works by keyboard: arrows move, Shift extends, Enter leads to the actions, Escape clears", async () => {
    const { user } = open(address);
    (await box(/Alpha/)).focus();
    await user.keyboard("{ArrowDown} {Shift>}{ArrowDown}{ArrowDown}{ArrowUp}{/Shift}");
    expect(await box(/Gamma/)).toHaveFocus();
    expect(await bar()).toHaveTextContent("2 selected");
    await user.keyboard("{Enter}");
    expect(within(await bar()).getByRole("button", { name: "Suspend" })).toHaveFocus();
    await user.keyboard("{Escape}");
    await noBar();
    expect(await box(/Beta/)).toHaveFocus();
  });

  test("Shift works in Firefox, which presses no label with it, and drops it at the space bar", async () => {
    const { user } = open(address);
    await user.click(await box(/Alpha/));
    const label = (await box(/Gamma/)).closest("label") as Element;
    // Other browsers would press the checkbox once more.
    expect(fireEvent.click(label, { shiftKey: true })).toBe(false);
    expect(await bar()).toHaveTextContent("3 selected");
    expect(await box(/Gamma/)).toHaveFocus();
    const last = await box(/Delta/);
    expect(fireEvent.keyDown(last, { key: " ", shiftKey: true })).toBe(false);
    fireEvent.keyDown(last, { key: " ", shiftKey: true, repeat: true });
    expect(await bar()).toHaveTextContent("4 selected");
  });

  test("Escape in a menu closes only the menu", async () => {
    const { user } = open(address);
    await user.click(await box(/Alpha/));
    await user.click(await screen.findByRole("button", { name: /Actions for “Beta”/ }));
    await screen.findByRole("menu");
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("menu")).toBeNull());
    expect(await bar()).toHaveTextContent("1 selected");
  });

  test("each action is offered only if it applies to a selected token", async () => {
    stored = [token({ id: "a", name: "Alpha" }), token({ id: "b", name: "Beta", status: "revoked" })];
    const { user } = open(address);
    const enabled = async () =>
      within(await bar())
        .getAllByRole("button")
        .filter((button) => !button.hasAttribute("disabled"))
        .map((button) => button.textContent);
    await user.click(await box(/Beta/));
    expect(await enabled()).toEqual(["Delete", ""]);
    await user.click(await box(/Alpha/));
    expect(await enabled()).toEqual(["Suspend", "Revoke", "Delete", ""]);
  });

  test("of all that match, without one row, says that only the page's are left", async () => {
    network.on("GET /api_token", list(stored, { item_count: 312, page_count: 7 }));
    const { user } = open(address);
    await user.click(await box(/Alpha/));
    await press(user, /^Select all 312 matching/);
    expect(await bar()).toHaveTextContent(/^All 312 selected(?! on this page)/);
    await user.click(await box(/Beta/));
    expect(await bar()).toHaveTextContent(/^3 selected on this page/);
    expect(screen.getByText(/^3 tokens selected on this page\./)).toBeInTheDocument();
  });

  test("survives paging, and ends when filters change, also on the way back", async () => {
    network.on("GET /api_token", ({ query }: Sent) =>
      query.get("pagination[offset]") === "0"
        ? list(stored, { item_count: 54, page_count: 2, item_end: 50 })
        : list([token({ id: "late", name: "Late" })], {
            item_count: 54,
            page_count: 2,
            item_start: 51,
            item_end: 54,
          }),
    );
    const { user } = open(address);
    await user.click(await box(/Alpha/));
    await user.click(screen.getByRole("button", { name: "Next" }));
    await user.click(await box(/Late/));
    expect(await bar()).toHaveTextContent(/^2 selected(?! on this page)/);
    await user.click(await screen.findByRole("button", { name: /^Suspended/ }));
    await noBar();
    await goBack();
    expect(await box(/Late/)).not.toBeChecked();
    await noBar();
  });
});

describe("a bulk change", () => {
  test("asks with what a dry run says, sends the ids, and reports each token", async () => {
    onBulk(({ details: { ids = [] } }) =>
      one(bulkResult(ids.map((id) => [id, id === "id-Beta" ? "already_suspended" : null]))),
    );
    const { user } = open(address);
    await carryOut(user, 3, "Suspend");
    const report = await screen.findByRole("dialog", { name: "2 of 3 tokens suspended" });
    expect(report).toHaveTextContent("Skipped: 1 already suspended.");
    expect(within(report).getAllByRole("listitem")[0]).toHaveTextContent(
      "Beta…x7QaSkipped: already suspended",
    );
    expect(within(report).getAllByRole("listitem")[1]).toHaveTextContent("Alpha…x7QaSuspended");
    expect(changes().map(({ details }) => details)).toEqual([
      { action: "suspend", ids: ["id-Alpha", "id-Beta", "id-Gamma"] },
    ]);
    await user.click(within(report).getByRole("button", { name: "Done" }));
    await noBar();
  });

  test("of all that match sends the filter, without later tokens", async () => {
    stored = stored.map((one, n) => ({ ...one, inserted_at: `2026-11-30T06:27:0${n}.999Z` }));
    network.on("GET /api_token", ({ query }: Sent) =>
      list(query.get("sorting") === "-inserted_at" ? [...stored].reverse() : stored, {
        item_count: 312,
        page_count: 7,
      }),
    );
    const { user } = open(`${address}?unused=never&q=al`);
    await user.click(await box(/Alpha/));
    await press(user, /^Select all 312 matching/);
    expect(await bar()).toHaveTextContent("All 312 selected");
    await press(user, /^Suspend/);
    await user.click(await screen.findByRole("button", { name: /^Suspend 4 tokens/ }));
    await screen.findByRole("dialog", { name: "4 tokens suspended" });
    const [sent] = changes();
    const counted = { never_used: true, search: "al", created_before: "2026-11-30T06:27:04.000Z" };
    expect(sent?.details).toEqual({ action: "suspend", filter: counted });
    const asked = bodies().find(({ details }) => details.dry_run && details.action === "suspend");
    expect(asked?.details).toEqual({ ...sent?.details, dry_run: true });
    expect(bodies().at(-1)?.details.dry_run, "it counts again").toBeTruthy();
  });

  test.each(["Cancel", "Escape", "Escape after a click on text"])(
    "gives the focus back to its button on %s",
    async (how) => {
      const { user } = open(address);
      await user.click(await box(/Gamma/));
      await press(user, /^Suspend/);
      const no = await screen.findByRole("button", { name: "Cancel" });
      if (how.endsWith("text")) await user.click(screen.getByText(/^They are refused at once/));
      if (how === "Cancel") await user.click(no);
      else await user.keyboard("{Escape}");
      await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
      expect(within(await bar()).getByRole("button", { name: "Suspend" })).toHaveFocus();
    },
  );

  test("gives the focus to a row once the bar is gone", async () => {
    const { user } = open(address);
    await carryOut(user, 2, "Suspend");
    await user.click(await screen.findByRole("button", { name: "Done" }));
    await noBar();
    expect(screen.getByRole("button", { name: /^Actions for “Alpha”/ })).toHaveFocus();
  });

  test("of several revokes asks for their number; of one it does not", async () => {
    const { user } = open(address);
    await user.click(await box(/Alpha/));
    await press(user, /^Revoke/);
    expect(await screen.findByRole("button", { name: "Revoke 1 token" })).toBeEnabled();
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    await user.click(await box(/Beta/));
    await press(user, /^Revoke/);
    const yes = await screen.findByRole("button", { name: "Revoke 2 tokens" });
    expect(yes).toBeDisabled();
    expect(screen.getByRole("dialog")).toHaveTextContent("revoking is final");
    await user.type(screen.getByRole("textbox", { name: "Type 2 to confirm" }), "2{Enter}");
    expect(await screen.findByRole("dialog", { name: "2 tokens revoked" })).toBeInTheDocument();
    expect(changes()).toHaveLength(1);
  });

  test("whose answer is lost is repeated with the same key, and says what is known until then", async () => {
    onBulk(() => unreachable);
    const { user } = open(address);
    await carryOut(user, 2, "Suspend");
    const interrupted = await screen.findByRole("dialog", { name: "Interrupted" });
    expect(interrupted).toHaveTextContent("Known so far: no tokens suspended.");
    expect(interrupted).toHaveTextContent("may have been carried out");
    onBulk();
    await user.click(within(interrupted).getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("dialog", { name: "2 tokens suspended" })).toBeInTheDocument();
    expect(new Set(changes().map(({ idempotency_key }) => idempotency_key)).size).toBe(1);
  });

  test("that fails in the middle says what was done, keeps the rest selected, and goes on", async () => {
    network.on("GET /api_token", () => list(stored, { item_count: 312, page_count: 7 }));
    const { user } = open(address);
    let fails = true;
    onBulk(({ details: { after } }) =>
      !after
        ? one(bulkResult([["id-Alpha", null]], { matched: 2, next: "id-Alpha" }))
        : fails
          ? failure(422, "bad_request", "The store is read-only.")
          : one(bulkResult([["id-Beta", null]])),
    );
    await user.click(await box(/Alpha/));
    await press(user, /^Select all/);
    await press(user, /^Suspend/);
    await user.click(await screen.findByRole("button", { name: /^Suspend 4/ }));
    const interrupted = await screen.findByRole("dialog", { name: "Interrupted: 1 of 2 tokens suspended" });
    expect(within(interrupted).getByRole("alert")).toHaveTextContent("The store is read-only.");
    expect(interrupted).toHaveTextContent("1 token is left.");
    fails = false;
    await user.click(within(interrupted).getByRole("button", { name: "Suspend the rest" }));
    expect(await screen.findByRole("dialog", { name: "2 tokens suspended" })).toBeInTheDocument();
    expect(changes().map(({ details }) => details.after)).toEqual([undefined, "id-Alpha", "id-Alpha"]);
  });

  test("stops after the batch under way", async () => {
    network.on("GET /api_token", () => list(stored, { item_count: 312, page_count: 7 }));
    const { user } = open(address);
    let answer = () => {};
    onBulk(
      () =>
        new Promise((resolve) => {
          answer = () => resolve(one(bulkResult([["id-Alpha", null]], { matched: 2, next: "id-Alpha" })));
        }),
    );
    await user.click(await box(/Alpha/));
    await press(user, /^Select all/);
    await press(user, /^Suspend/);
    await user.click(await screen.findByRole("button", { name: /^Suspend 4/ }));
    expect(await screen.findByRole("progressbar", { name: "0 of 4 tokens" })).toBeInTheDocument();
    await user.click(screen.getByRole("button", { name: "Stop" }));
    answer();
    const stopped = await screen.findByRole("dialog", { name: "Stopped: 1 of 2 tokens suspended" });
    expect(changes()).toHaveLength(1);
    await user.click(within(stopped).getByRole("button", { name: "Close" }));
    expect(await bar()).toHaveTextContent("All 312 selected");
  });

  test("in an ended session asks to sign in, and goes on after it", async () => {
    const { user } = open(address);
    onBulk(() => failure(401, "not_authenticated", "Your session has ended."));
    await carryOut(user, 2, "Suspend");
    await screen.findByRole("alertdialog", { name: "Your session has ended" });
    network.on("POST /session", signedIn());
    onBulk();
    await user.type(screen.getByLabelText("Password"), "correct horse battery");
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    await user.click(await screen.findByRole("button", { name: "Suspend the rest" }));
    expect(await screen.findByRole("dialog", { name: "2 tokens suspended" })).toBeInTheDocument();
  });
});

describe("undo", () => {
  test("in the report activates exactly the tokens that were suspended", async () => {
    onBulk(({ details }) =>
      details.action === "suspend"
        ? one(
            bulkResult([
              ["id-Alpha", null],
              ["id-Beta", "already_suspended"],
              ["id-Gamma", null],
            ]),
          )
        : bulkAnswer(details),
    );
    const { user } = open(address);
    await carryOut(user, 3, "Suspend");
    await user.click(await screen.findByRole("button", { name: "Undo" }));
    expect(await screen.findByText("2 tokens activated again.")).toBeInTheDocument();
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(changes().at(-1)?.details).toEqual({ action: "activate", ids: ["id-Alpha", "id-Gamma"] });
  });

  test("works after the dialog was closed, on another page, and reports what it could not undo", async () => {
    network.on("GET /agent", list([]));
    const { user } = open(address);
    await carryOut(user, 2, "Suspend");
    await user.click(await screen.findByRole("button", { name: "Done" }));
    await user.click(screen.getByRole("link", { name: "Agents" }));
    await screen.findByRole("heading", { name: "Agents" });
    onBulk(() =>
      one(
        bulkResult([
          ["id-Alpha", null],
          ["id-Beta", "already_revoked"],
        ]),
      ),
    );
    await user.click(await screen.findByRole("button", { name: "Undo" }));
    const report = await screen.findByRole("dialog", { name: "1 of 2 tokens activated" });
    expect(report).toHaveTextContent("Skipped: 1 already revoked.");
    expect(within(report).queryByRole("button", { name: "Undo" })).toBeNull();
    expect(changes().at(-1)?.details).toEqual({ action: "activate", ids: ["id-Alpha", "id-Beta"] });
  });

  test("is not offered after other changes", async () => {
    const { user } = open(address);
    await carryOut(user, 1, "Revoke");
    const report = await screen.findByRole("dialog", { name: "1 token revoked" });
    expect(within(report).queryByRole("button", { name: "Undo" })).toBeNull();
    await user.click(within(report).getByRole("button", { name: "Done" }));
    await noBar();
    expect(screen.queryByRole("button", { name: "Undo" })).toBeNull();
  });
});
