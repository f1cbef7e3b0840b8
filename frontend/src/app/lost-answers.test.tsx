import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { failedText } from "../api";
import { agent } from "../testing/agent-samples";
import { failure, network, noRoute, unreachable } from "../testing/network";
import { expectMessage, open } from "../testing/render";
import {
  account,
  backup,
  invite,
  list,
  member,
  one,
  ownSession,
  signedIn,
  token,
  webhook,
} from "../testing/samples";

type User = ReturnType<typeof open>["user"];

const press = (name: string) => async (user: User) => {
  await user.click(await screen.findByRole("button", { name }));
};

const chooseFrom = (menu: RegExp, item: string) => async (user: User) => {
  await user.click((await screen.findAllByRole("button", { name: menu }))[0] as HTMLElement);
  await user.click(await screen.findByRole("menuitem", { name: item }));
};

const notice = {
  type: "member_notice" as const,
  id: "notice-1",
  kind: "password_changed" as const,
  role: null,
  by_name: null,
  by_oneself: false,
  address: null,
  inserted_at: "2026-01-01T00:00:00.000Z",
};
const restore = { made_at: null, restored_at: "2026-02-01T12:00:00.000Z", suspended: false, reviewed: false };

beforeEach(() => {
  network.on("GET /session", signedIn({ sends_mail: true, notices: [notice] }));
  network.on("GET /api_token", list([token()]));
  network.on("GET /backup", one(backup({ restore })));
  const retired = { update: false, retire: false, reinstate: true, delete: true };
  network.on("GET /agent/:id", one(agent({ status: "retired", available_actions: retired })));
  network.on("GET /agent_version", list([]));
  network.on("GET /agent_deployment", list([]));
  network.on("GET /account/:id", one(account()));
  network.on("GET /account/:id/webhook", one(webhook()));
  network.on("GET /admin_user/:id", one(member()));
  network.on("GET /session/all", list([ownSession(), ownSession({ id: "session-2", current: false })]));
});

const changes: [string, string, string, (user: User) => Promise<void>, string][] = [
  [
    "sign out",
    "DELETE /session",
    "/account/api-tokens",
    chooseFrom(/^Account menu/, "Sign out"),
    "You may not have been signed out.",
  ],
  [
    "dismiss a notice",
    "DELETE /session/notice/:id",
    "/account/api-tokens",
    press("Dismiss"),
    "The notice may not have been dismissed.",
  ],
  [
    "review a restored database",
    "POST /backup/review_restore",
    "/account/api-tokens",
    press("I have reviewed the tokens"),
    "The review may not have been saved.",
  ],
  [
    "reinstate an agent",
    "POST /agent/:id/reinstate",
    "/agents/agent-1/versions",
    chooseFrom(/^Actions for/, "Reinstate"),
    "The agent may not have been reinstated.",
  ],
  [
    "send a test message",
    "POST /account/:id/webhook/test",
    "/account/details",
    press("Send test"),
    "The test may not have been sent.",
  ],
  [
    "turn mail off",
    "PUT /admin_user/:id",
    "/account/details",
    press("Turn off"),
    "The setting may not have been changed.",
  ],
  [
    "end a session",
    "DELETE /session/:id",
    "/profile",
    async (user) =>
      user.click((await screen.findAllByRole("button", { name: /^End the session/ }))[0] as Element),
    "The session may not have been ended.",
  ],
  [
    "end the other sessions",
    "POST /session/end_others",
    "/profile",
    press("End all others"),
    "The other sessions may not have been ended.",
  ],
];

test.each(changes)("nothing is claimed of a lost answer: %s", async (_, route, address, act, text) => {
  network.on(route, unreachable);
  const { user } = open(address);
  await act(user);
  await expectMessage(`${text} Tokentab can’t be reached. Check that it runs and that you are connected.`);
});

test.each(changes)("a refusal says that nothing was done: %s", async (_, route, address, act, text) => {
  network.on(route, failure(403, "forbidden", "You may not do this."));
  const { user } = open(address);
  await act(user);
  const claim = text.replace("may not have been", /^You|sessions/.test(text) ? "were not" : "was not");
  await expectMessage(`${claim} You may not do this.`);
});

const mayBeMade =
  /can’t be reached\..* Your change may have been made all the same\. Try again to find out\.$/;

const questions: [string, string, string, (user: User) => Promise<void>, string][] = [
  [
    "revoke an invite",
    "POST /admin_user_invite/:id/revoke",
    "/account/invites",
    chooseFrom(/^Actions for/, "Revoke"),
    "Revoke invite",
  ],
  [
    "remove a member",
    "POST /admin_user/:id/remove",
    "/account/team",
    chooseFrom(/^Actions for Grace/, "Remove member"),
    "Remove member",
  ],
  ["delete a webhook", "DELETE /account/:id/webhook", "/account/details", press("Delete"), "Delete webhook"],
];

describe.each(questions)("a question whose answer was lost: %s", (_, route, address, act, yes) => {
  async function ask() {
    network.on("GET /admin_user_invite", list([invite()]));
    network.on(
      "GET /admin_user",
      list([member({ id: "user-2", name: "Grace", email: "grace@acme.example" })]),
    );
    network.on(route, unreachable);
    const { user } = open(address);
    await act(user);
    const question = within(await screen.findByRole("alertdialog"));
    const press = () => user.click(question.getByRole("button", { name: yes }));
    await press();
    expect(await question.findByRole("alert")).toHaveTextContent(mayBeMade);
    return { user, question, press };
  }

  test.each([
    failure(404, "not_found", "There is no such thing."),
    failure(409, "invalid_action", "It is done already."),
  ])("is over once another try finds nothing to do", async (refusal) => {
    const { user, question, press } = await ask();
    network.on(route, refusal);
    await press();
    const over = within(await screen.findByRole("alertdialog", { name: "Already done" }));
    expect(over.getByRole("alert")).toHaveTextContent(
      `${refusal.body.message} Most likely your earlier try did this, and its answer was lost.`,
    );
    expect(question.getAllByRole("button").map(({ textContent }) => textContent)).toEqual(["Close"]);
    await user.click(over.getByRole("button", { name: "Close" }));
    expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument();
  });

  test("claims nothing of a proxy's answer", async () => {
    const { question, press } = await ask();
    network.on(route, noRoute);
    await press();
    await waitFor(() =>
      expect(question.getByRole("alert")).toHaveTextContent(
        /^A proxy answered instead of Tokentab \(404\)\..* Your change may have been made all the same\./,
      ),
    );
    expect(question.getByRole("button", { name: yes })).toBeEnabled();
  });

  test("claims nothing of another refusal", async () => {
    const { question, press } = await ask();
    network.on(route, failure(403, "forbidden", "You may not do this."));
    await press();
    await waitFor(() => expect(question.getByRole("alert")).toHaveTextContent(/^You may not do this\.$/));
    expect(question.getByRole("button", { name: yes })).toBeEnabled();
  });
});

test("a question that was refused at once is not over", async () => {
  network.on("DELETE /account/:id/webhook", failure(404, "not_found", "There is no webhook."));
  const { user } = open("/account/details");
  await press("Delete")(user);
  const question = within(await screen.findByRole("alertdialog"));
  await user.click(question.getByRole("button", { name: "Delete webhook" }));
  expect(await question.findByRole("alert")).toHaveTextContent(/^There is no webhook\.$/);
});

test.each([
  [unreachable, mayBeMade],
  [failure(503, "unexpected", "The store is unavailable."), /^The store is unavailable\.$/],
])("a form says if its change may have been made", async (answer, text) => {
  network.on("PUT /account/:id", answer);
  const { user } = open("/account/details");
  await press("Edit")(user);
  const form = within(await screen.findByRole("dialog"));
  await user.type(form.getByRole("textbox", { name: "Account name" }), "!");
  await user.click(form.getByRole("button", { name: "Save changes" }));
  expect(await form.findByRole("alert")).toHaveTextContent(text);
});

test("a name changes no claim", () => {
  const text = failedText(new Error(), "“was not me, and were not you” was not revoked.");
  expect(text).toMatch(/^“was not me, and were not you” may not have been revoked\./);
});
