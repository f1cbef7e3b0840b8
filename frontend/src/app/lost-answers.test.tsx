import { screen } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { failedText } from "../api";
import { agent } from "../testing/agent-samples";
import { failure, network, unreachable } from "../testing/network";
import { expectMessage, open } from "../testing/render";
import { account, backup, list, member, one, ownSession, signedIn, token, webhook } from "../testing/samples";

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

test("a name changes no claim", () => {
  const text = failedText(new Error(), "“was not me, and were not you” was not revoked.");
  expect(text).toMatch(/^“was not me, and were not you” may not have been revoked\./);
});
