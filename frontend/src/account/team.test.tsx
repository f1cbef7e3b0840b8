import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { bodiesOf, failure, network, type Sent, slow } from "../testing/network";
import { expectMessage, expectWaiting, open } from "../testing/render";
import { account, list, member, one, signedIn, signedOut } from "../testing/samples";
import type { AdminUser } from "../wire";

const address = "/account/team";
const grace = member({
  id: "user-2",
  name: "Grace Hopper",
  email: "grace@acme.example",
  job_title: "Rear admiral",
  live_api_token_count: 3,
});

let members: AdminUser[];

beforeEach(() => {
  members = [grace, member()];
  network.on("GET /session", signedIn());
  network.on("GET /account/:id", one(account()));
  network.on("GET /admin_user", () => list(members));
});

async function choose(user: ReturnType<typeof open>["user"], row: string, action: string) {
  await user.click(await screen.findByRole("button", { name: `Actions for ${row}` }));
  await user.click(await screen.findByRole("menuitem", { name: action }));
  return screen.findByRole("alertdialog");
}

describe("the team", () => {
  test("is listed with name, email, job title and time of joining", async () => {
    open(address);
    const row = await screen.findByRole("row", { name: /Grace Hopper/ });
    expect(row).toHaveTextContent("grace@acme.example");
    expect(row).toHaveTextContent("Rear admiral");
    expect(row).toHaveTextContent("30 days ago");
    expect(screen.getByRole("row", { name: /Ada Lovelace · You/ })).toBeInTheDocument();
  });

  test("of a personal account has no job titles", async () => {
    network.on("GET /account/:id", one(account({ purpose: "personal" })));
    open(address);
    await screen.findByRole("row", { name: /Grace Hopper/ });
    await waitFor(() => expect(screen.queryByText("Job title")).not.toBeInTheDocument());
    expect(screen.queryByText("Rear admiral")).not.toBeInTheDocument();
  });

  test("is searched by the server, as the address says", async () => {
    network.on("GET /admin_user", ({ query }: Sent) =>
      list(query.get("search") === "hop" ? [grace] : members),
    );
    const { user } = open(address);
    await screen.findByRole("row", { name: /Ada Lovelace/ });
    await user.keyboard("/hop");
    await waitFor(() => expect(screen.queryByRole("row", { name: /Ada Lovelace/ })).not.toBeInTheDocument());
    expect(screen.getByRole("row", { name: /Grace Hopper/ })).toBeVisible();
    expect(window.location.search).toBe("?q=hop");
    await user.keyboard("{Escape}");
    expect(await screen.findByRole("row", { name: /Ada Lovelace/ })).toBeVisible();
  });

  test("shows why it failed to load", async () => {
    network.on("GET /admin_user", failure(503, "unexpected", "The store is unavailable."));
    open(address);
    expect(await screen.findByRole("alert")).toHaveTextContent("The store is unavailable.");
    expect(screen.getByRole("button", { name: "Try again" })).toBeInTheDocument();
  });
});

describe("removing a member", () => {
  test("puts the focus back into a search that finds no one else", async () => {
    network.on("GET /admin_user", ({ query }: Sent) =>
      list(query.get("search") === "grace" ? members.filter(({ id }) => id === grace.id) : members),
    );
    network.on("POST /admin_user/:id/remove", () => {
      members = [member()];
      return { ...one(grace), revoked_api_token_count: 0 };
    });
    const { user } = open(`${address}?q=grace`);
    const question = await choose(user, "Grace Hopper", "Remove member");
    await user.click(within(question).getByRole("button", { name: "Remove member" }));
    await screen.findByText("No members match");
    await waitFor(() => expect(screen.getByRole("searchbox", { name: "Search members" })).toHaveFocus());
  });

  test.each(["Remove member", "Make viewer"])("says that their webhook goes on (%s)", async (action) => {
    const goesOn = "They set the account’s webhook, which goes on. You can check or delete it under Details.";
    members = [member({ ...grace, set_webhook: true }), member()];
    const { user } = open(address);
    expect(await choose(user, "Grace Hopper", action)).toHaveTextContent(goesOn);
  });

  test("says that all sessions end and how many tokens stay, and revokes none automatically", async () => {
    network.on("POST /admin_user/:id/remove", () => {
      members = [member()];
      return { ...one(grace), revoked_api_token_count: 0 };
    });
    const { user } = open(address);
    const question = await choose(user, "Grace Hopper", "Remove member");
    expect(question).toHaveTextContent("All sessions of Grace Hopper (grace@acme.example) end at once");
    expect(question).toHaveTextContent("Their 3 tokens stay as they are unless you revoke them.");
    expect(question).not.toHaveTextContent("webhook");
    expect(
      within(question).getByRole("checkbox", { name: "Revoke their 3 API tokens too" }),
    ).not.toBeChecked();
    await user.click(within(question).getByRole("button", { name: "Remove member" }));
    await expectMessage(/Grace Hopper was removed. Their 3 tokens were not revoked/);
    expect(bodiesOf("POST /admin_user/:id/remove")).toEqual([{ details: { revoke_api_tokens: false } }]);
    await waitFor(() =>
      expect(screen.getByRole("button", { name: "Actions for Ada Lovelace" })).toHaveFocus(),
    );
  });

  test("revokes their tokens too if the box is ticked", async () => {
    network.on("POST /admin_user/:id/remove", { ...one(grace), revoked_api_token_count: 3 });
    const { user } = open(address);
    const question = await choose(user, "Grace Hopper", "Remove member");
    await user.click(within(question).getByRole("checkbox"));
    await user.click(within(question).getByRole("button", { name: "Remove member" }));
    await expectMessage(/was removed, and 3 API tokens revoked/);
    expect(bodiesOf("POST /admin_user/:id/remove")).toEqual([{ details: { revoke_api_tokens: true } }]);
  });

  test("is disabled for the last admin, with the reason", async () => {
    members = [member({ available_actions: { remove: false, set_role: false } })];
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Actions for Ada Lovelace" }));
    const item = await screen.findByRole("menuitem", { name: /The last admin can’t be removed/ });
    expect(item).toHaveAttribute("aria-disabled", "true");
    await user.click(item);
    expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument();
  });

  test("warns users who remove themselves, and ends at sign-in", async () => {
    network.on("POST /admin_user/:id/remove", () => {
      network.on("GET /session", signedOut());
      return { ...one(member()), revoked_api_token_count: 0 };
    });
    const { user } = open(address);
    const question = await choose(user, "Ada Lovelace", "Leave account");
    expect(question).toHaveTextContent("All your sessions end at once, including this one");
    await user.click(within(question).getByRole("button", { name: "Leave account" }));
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
  });

  test("shows why it failed and keeps the question open", async () => {
    network.on(
      "POST /admin_user/:id/remove",
      failure(409, "invalid_action", "The last admin can’t be removed."),
    );
    const { user } = open(address);
    const question = await choose(user, "Grace Hopper", "Remove member");
    await user.click(within(question).getByRole("button", { name: "Remove member" }));
    expect(await within(question).findByRole("alert")).toHaveTextContent("The last admin can’t be removed.");
  });

  test("waits as long as the server asks", async () => {
    network.on("POST /admin_user/:id/remove", slow);
    const { user } = open(address);
    const question = await choose(user, "Grace Hopper", "Remove member");
    await user.click(within(question).getByRole("button", { name: "Remove member" }));
    const again = await within(question).findByRole("button", { name: "Try again in 60 s" });
    expectWaiting(again);
    await user.click(again);
    expect(bodiesOf("POST /admin_user/:id/remove")).toHaveLength(1);
  });
});

describe("the tokens of a member", () => {
  test("can be revoked together, after a question that counts them", async () => {
    network.on("POST /admin_user/:id/revoke_api_tokens", { ...one(grace), revoked_api_token_count: 3 });
    const { user } = open(address);
    const question = await choose(user, "Grace Hopper", "Revoke API tokens");
    expect(question).toHaveAccessibleName("Revoke 3 API tokens?");
    await user.click(within(question).getByRole("button", { name: "Revoke 3 tokens" }));
    await expectMessage(/3 API tokens revoked/);
    await waitFor(() =>
      expect(screen.getByRole("button", { name: "Actions for Grace Hopper" })).toHaveFocus(),
    );
  });

  test("are announced in the singular if only one was left to revoke", async () => {
    network.on("POST /admin_user/:id/revoke_api_tokens", { ...one(grace), revoked_api_token_count: 1 });
    const { user } = open(address);
    const question = await choose(user, "Grace Hopper", "Revoke API tokens");
    await user.click(within(question).getByRole("button", { name: "Revoke 3 tokens" }));
    await expectMessage("1 API token revoked. It will never be accepted again.");
  });
});

describe("the role of a member", () => {
  test("is in the list, and is changed after a question that says what happens", async () => {
    members = [grace, member({ available_actions: { remove: false, set_role: false } })];
    network.on("POST /admin_user/:id/set_role", {
      ...one({ ...grace, role: "viewer" }),
      revoked_api_token_count: 3,
    });
    const { user } = open(address);
    expect(await screen.findByRole("row", { name: /Grace Hopper/ })).toHaveTextContent("Admin");
    const question = await choose(user, "Grace Hopper", "Make viewer");
    expect(question).toHaveTextContent("can still see everything except secrets, but change nothing");
    expect(question).toHaveTextContent("Their 3 tokens stay as they are unless you revoke them.");
    await user.click(within(question).getByRole("checkbox", { name: "Revoke their 3 API tokens too" }));
    await user.click(within(question).getByRole("button", { name: "Make viewer" }));
    await expectMessage("Grace Hopper is a viewer now, and 3 API tokens revoked.");
    expect(bodiesOf("POST /admin_user/:id/set_role")).toEqual([
      { details: { role: "viewer", revoke_api_tokens: true } },
    ]);
    await user.click(screen.getByRole("button", { name: "Actions for Ada Lovelace" }));
    expect(
      await screen.findByRole("menuitem", { name: /Make viewer.*The last admin can’t become a viewer/ }),
    ).toHaveAttribute("aria-disabled", "true");
  });

  test("becomes admin without a word about tokens", async () => {
    members = [{ ...grace, role: "viewer" }, member()];
    network.on("POST /admin_user/:id/set_role", { ...one(grace), revoked_api_token_count: 0 });
    const { user } = open(address);
    const question = await choose(user, "Grace Hopper", "Make admin");
    expect(within(question).queryByRole("checkbox")).not.toBeInTheDocument();
    await user.click(within(question).getByRole("button", { name: "Make admin" }));
    await expectMessage("Grace Hopper is an admin now.");
    expect(bodiesOf("POST /admin_user/:id/set_role")).toEqual([{ details: { role: "admin" } }]);
  });
});

test("all sessions of all members are ended after a question", async () => {
  network.on("POST /account/:id/end_sessions", one({ type: "ended_sessions", count: 5 }));
  const { user } = open(address);
  await user.click(await screen.findByRole("button", { name: "End all sessions" }));
  const question = await screen.findByRole("alertdialog");
  expect(question).toHaveTextContent("Everyone is signed out everywhere");
  await user.click(within(question).getByRole("button", { name: "End sessions" }));
  await expectMessage("5 sessions ended.");
});

test("all sessions of a member are ended after a question", async () => {
  network.on("POST /admin_user/:id/end_sessions", one({ type: "ended_sessions", count: 2 }));
  const { user } = open(address);
  const question = await choose(user, "Grace Hopper", "End all sessions");
  expect(question).toHaveTextContent("Grace Hopper is signed out everywhere");
  await user.click(within(question).getByRole("button", { name: "End sessions" }));
  await expectMessage("2 sessions of Grace Hopper ended.");
});

test("a name that runs from right to left moves nothing around it", async () => {
  members = [{ ...grace, name: "غريس (2)" }, member()];
  network.on("POST /admin_user/:id/end_sessions", one({ type: "ended_sessions", count: 2 }));
  const { user } = open(address);
  const question = await choose(user, "\u2068غريس (2)\u2069", "End all sessions");
  expect(question).toHaveTextContent("\u2068غريس (2)\u2069 is signed out everywhere");
  await user.click(within(question).getByRole("button", { name: "End sessions" }));
  await expectMessage("2 sessions of \u2068غريس (2)\u2069 ended.");
});
