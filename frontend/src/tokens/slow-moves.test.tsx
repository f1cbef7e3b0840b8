import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { bodiesOf, network } from "../testing/network";
import { expectMessage, open } from "../testing/render";
import { actionsOf, list, one, signedIn, token } from "../testing/samples";
import type { ApiToken } from "../wire";

const first = token({ name: "First", last_used_at: null });
const second = token({ id: "token-2", name: "Second" });
let stored: ApiToken[];
/** Lets the server suspend the first token. */
let answer = () => {};

beforeEach(() => {
  stored = [first, second];
  network.on("GET /session", signedIn());
  network.on("GET /api_token", ({ query }: { query: URLSearchParams }) =>
    list(query.has("descendants_of") ? [] : stored),
  );
  network.on("GET /api_token/:id", () => one(stored[0]));
  network.on("GET /api_token/:id/events", list([]));
  network.on(
    "POST /api_token/:id/suspend",
    () =>
      new Promise((resolve) => {
        answer = () => {
          const after: ApiToken = {
            ...first,
            status: "suspended",
            available_actions: actionsOf("suspended"),
          };
          stored = [after, second];
          resolve(one(after));
        };
      }),
  );
});

const menuOf = (name: string) => screen.findByRole("button", { name: new RegExp(`^Actions for .*${name}`) });
const suspensions = () => bodiesOf("POST /api_token/:id/suspend");

async function expectBusy(button: HTMLElement) {
  await waitFor(() => expect(button).toHaveAttribute("aria-busy", "true"));
  expect(button).toHaveAttribute("aria-disabled", "true");
  await waitFor(() => expect(button).toHaveFocus());
  expect(await screen.findByText(/^Suspending .*First/)).toHaveAttribute("role", "status");
}

async function expectDone(button: HTMLElement) {
  answer();
  await expectMessage(/First.* suspended\. It is refused/);
  expect(button).not.toHaveAttribute("aria-busy");
  expect(button).not.toHaveAttribute("aria-disabled");
  expect(screen.queryByText(/^Suspending/)).not.toBeInTheDocument();
}

describe("a move that is made without a question", () => {
  test("keeps the menu of its row busy until the answer, and is sent once", async () => {
    const { user } = open("/account/api-tokens");
    const menu = await menuOf("First");
    await user.click(menu);
    await user.click(await screen.findByRole("menuitem", { name: "Suspend" }));
    await expectBusy(menu);
    await user.click(menu);
    await user.keyboard("{Enter}");
    expect(screen.queryByRole("menu")).not.toBeInTheDocument();
    expect(await menuOf("Second")).not.toHaveAttribute("aria-busy");
    await expectDone(menu);
    expect(suspensions()).toHaveLength(1);
    await user.click(menu);
    expect(await screen.findByRole("menuitem", { name: "Activate" })).toBeInTheDocument();
  });

  test("leaves a question about another token alone", async () => {
    const { user } = open("/account/api-tokens");
    await user.click(await menuOf("First"));
    await user.click(await screen.findByRole("menuitem", { name: "Suspend" }));
    await waitFor(() => expect(suspensions()).toHaveLength(1));
    await user.click(await menuOf("Second"));
    await user.click(await screen.findByRole("menuitem", { name: "Revoke" }));
    const question = within(await screen.findByRole("alertdialog", { name: "Revoke this token?" }));
    const yes = question.getByRole("button", { name: "Revoke token" });
    await waitFor(() => expect(yes).toBeEnabled());
    expect(yes).not.toHaveAttribute("aria-disabled");
    answer();
    await expectMessage(/First.* suspended\. It is refused/);
    expect(yes).toBeVisible();
  });

  test("keeps its button on the token's page busy until the answer, and is sent once", async () => {
    const { user } = open("/account/api-tokens/token-1");
    const button = await screen.findByRole("button", { name: "Suspend" });
    await user.click(button);
    await expectBusy(button);
    await user.click(button);
    expect(await menuOf("First")).toHaveAttribute("aria-busy", "true");
    await expectDone(button);
    expect(suspensions()).toHaveLength(1);
    expect(button).toHaveTextContent("Activate");
  });
});
