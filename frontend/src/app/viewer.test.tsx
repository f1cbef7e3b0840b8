import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { agent } from "../testing/agent-samples";
import { bodiesOf, failure, network, sent } from "../testing/network";
import { expectMessage, goBack, open } from "../testing/render";
import {
  account,
  environment,
  invite,
  list,
  member,
  one,
  signedIn,
  token,
  webhook,
} from "../testing/samples";
import type { MemberNotice } from "../wire";

const viewer = {
  id: "user-1",
  email: "ada@acme.example",
  name: "Ada Lovelace",
  job_title: null,
  role: "viewer" as const,
};

beforeEach(() => {
  network.on("GET /session", signedIn({ admin_user: viewer, sends_mail: true }));
  network.on("GET /account/:id", one(account()));
  network.on("GET /account/:id/webhook", one(webhook()));
  network.on("GET /admin_user", list([member({ id: "user-2", name: "Grace" })]));
  network.on("GET /admin_user/:id", one(member()));
  network.on("GET /admin_user_invite", list([invite({ invite_url: null })]));
  network.on("GET /environment", list([environment()]));
  network.on("GET /agent", list([agent()]));
  network.on("GET /agent/:id", one(agent()));
  network.on("GET /agent_deployment", list([]));
  network.on("GET /api_token", list([token()]));
  network.on("GET /api_token/:id", one(token()));
  network.on("GET /api_token/:id/events", list([]));
});

/** How the names of controls that change something begin. */
const verb =
  /^(Edit|Delete|Create|Invite|Register|Set up|Change|Replace|Send|Suspend|Activate|Rotate|Renew|Revoke|Retire|Reinstate|End|Make|Leave|Remove|Select)\b/;

const places = [
  ["/account/details", "Acme"],
  ["/account/team", "Grace"],
  ["/account/invites", "grace@acme.example"],
  ["/account/environments", environment().name],
  ["/account/api-tokens", "CI"],
  ["/account/api-tokens/token-1", "CI"],
  ["/agents", agent().name],
  [`/agents/${agent().id}/deployments?create=token`, agent().name],
] as const;

/** The controls of an opened page that change something, also those in its menus. */
async function changes(address: string, text: string): Promise<string[]> {
  const { user } = open(address);
  const main = within(await screen.findByRole("main"));
  await waitFor(() => expect(main.getAllByText(text, { exact: false })[0]).toBeVisible());
  await waitFor(() => expect(main.queryByRole("table", { busy: true })).toBeNull());
  const named = (elements: HTMLElement[]) =>
    elements.map((one) => one.getAttribute("aria-label") ?? one.textContent ?? "");
  const dialog = screen.queryByRole("dialog") ? ["Create in a dialog"] : [];
  const names = [...dialog, ...named([...main.queryAllByRole("button"), ...main.queryAllByRole("checkbox")])];
  for (const button of main.queryAllByRole("button", { name: /^Actions for/ })) {
    await user.click(button);
    names.push(...named(await screen.findAllByRole("menuitem")));
    await user.keyboard("{Escape}");
  }
  return names.filter((name) => verb.test(name));
}

describe("the page of a viewer", () => {
  test.each(places)("offers no change at %s", async (address, text) => {
    expect(await changes(address, text)).toEqual([]);
    expect(screen.getAllByText("You can view this account. Ask an admin to make changes.")).toHaveLength(1);
    expect(sent.filter(({ route }) => !route.startsWith("GET "))).toEqual([]);
  });

  test.each(places.slice(0, -1))("differs from that of an admin at %s", async (address, text) => {
    network.on("GET /session", signedIn({ sends_mail: true }));
    expect(await changes(address, text)).not.toEqual([]);
    expect(screen.queryByText(/You can view this account/)).not.toBeInTheDocument();
  });

  test("opens no dialog for a link to create a token", async () => {
    await import("../tokens/create-dialog"); // so that it would be there with the list
    network.on("GET /api_token", list([token({ name: "Writer" })]));
    open(`/agents/${agent().id}/deployments?create=token`);
    expect(await screen.findByRole("row", { name: /Writer/ })).toBeInTheDocument();
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
  });

  test("does not offer to create the first token", async () => {
    network.on("GET /api_token", list([]));
    open("/account/api-tokens");
    expect(await screen.findByRole("heading", { name: "No API tokens yet" })).toBeInTheDocument();
    expect(screen.queryByText(/Create/)).not.toBeInTheDocument();
  });

  test("does not connect the CLI", async () => {
    open("/cli/connect");
    expect(await screen.findByText(/You can view this account, but not create tokens/)).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Connect the CLI" })).not.toBeInTheDocument();
  });
});

test("the dialog of a new token keeps its input when the user becomes a viewer", async () => {
  network.on("GET /session", signedIn());
  const { user } = open("/account/api-tokens");
  await user.click(await screen.findByRole("button", { name: "Create API token" }));
  const name = await screen.findByRole("textbox", { name: /^Name/ });
  await user.type(name, "Billing");
  network.on("GET /session", signedIn({ admin_user: viewer }));
  fireEvent(document, new Event("visibilitychange", { bubbles: true }));
  expect(await screen.findByText(/^You can view this account/)).toBeInTheDocument();
  expect(name).toHaveValue("Billing");
  expect(name).toHaveFocus();
});

test.each([
  ["/account/team", "Invite a team member"],
  ["/account/environments", "Create environment"],
])("the focus stays on %s if the user becomes a viewer in a dialog", async (address, opener) => {
  network.on("GET /session", signedIn({ sends_mail: true }));
  const { user } = open(address);
  await user.click(await screen.findByRole("button", { name: opener }));
  await screen.findByRole("dialog");
  network.on("GET /session", signedIn({ admin_user: viewer, sends_mail: true }));
  fireEvent(document, new Event("visibilitychange", { bubbles: true }));
  expect(await screen.findByText(/^You can view this account/)).toBeInTheDocument();
  await user.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(screen.getByRole("main")).toContainElement(document.activeElement as HTMLElement);
});

test("the focus stays on the page if the user becomes a viewer on a button for admins", async () => {
  network.on("GET /session", signedIn());
  open("/account/team");
  (await screen.findByRole("button", { name: "Invite a team member" })).focus();
  network.on("GET /session", signedIn({ admin_user: viewer }));
  fireEvent(document, new Event("visibilitychange", { bubbles: true }));
  expect(await screen.findByText(/^You can view this account/)).toBeInTheDocument();
  expect(screen.getByRole("main")).toHaveFocus();
});

test("the focus goes to the page that Back leads to from a dialog", async () => {
  network.on("GET /session", signedIn({ sends_mail: true }));
  const { user } = open("/account/details");
  await user.click(await screen.findByRole("link", { name: "Team" }));
  await user.click(await screen.findByRole("button", { name: "Invite a team member" }));
  await screen.findByRole("dialog");
  await goBack();
  expect(await screen.findByRole("button", { name: "Edit" })).toBeInTheDocument();
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(screen.getByRole("main")).toHaveFocus();
});

const notice: MemberNotice = {
  type: "member_notice",
  id: "notice-1",
  kind: "password_changed",
  role: null,
  by_name: null,
  by_oneself: false,
  address: null,
  inserted_at: "2026-01-01T00:00:00.000Z",
};

describe("a notice of a change", () => {
  const told = () => screen.findByRole("list", { name: "Changes of your access" });

  test.each<[Partial<MemberNotice>, RegExp]>([
    [{}, /Your password was changed .* on the command line of the server\./],
    [
      { kind: "role_changed", role: "viewer", by_name: "Grace", address: "192.0.2.7" },
      /You were made a viewer .* by Grace from 192\.0\.2\.7\. Ask an admin/,
    ],
    [
      { kind: "sessions_ended", by_name: "Ada", by_oneself: true, address: "192.0.2.7" },
      /Sessions of yours were ended .* in another session from 192\.0\.2\.7\./,
    ],
  ])("says what happened (%#)", async (more, text) => {
    network.on("GET /session", signedIn({ notices: [{ ...notice, ...more }] }));
    open("/account/team");
    expect(await told()).toHaveTextContent(text);
  });

  test.each<[string, unknown]>([
    ["here", one(notice)],
    ["in another tab", failure(404, "not_found", "There is no such notice.")],
  ])("stays until it is dismissed %s", async (_, answer) => {
    network.on("GET /session", signedIn({ notices: [notice] }));
    network.on("DELETE /session/notice/:id", failure(503, "unexpected", "The store is unavailable."));
    const { user } = open("/account/team");
    const dismiss = within(await told()).getByRole("button", { name: "Dismiss" });
    await user.click(dismiss);
    await expectMessage(/The notice may not have been dismissed. The store is unavailable/);
    network.on("DELETE /session/notice/:id", answer);
    await user.click(dismiss);
    await waitFor(() =>
      expect(screen.queryByRole("list", { name: "Changes of your access" })).not.toBeInTheDocument(),
    );
    expect(bodiesOf("DELETE /session/notice/:id")).toHaveLength(2);
  });
});
