import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { bodiesOf, failure, network, unreachable } from "../testing/network";
import { expectMessage, open } from "../testing/render";
import { invite, list, one, signedIn } from "../testing/samples";
import type { AdminUserInvite } from "../wire";

const address = "/account/invites";

let invites: AdminUserInvite[];

beforeEach(() => {
  invites = [invite()];
  network.on("GET /session", signedIn());
  network.on("GET /admin_user_invite", () => list(invites));
});

function withClipboard(writeText: ((text: string) => Promise<void>) | undefined) {
  Object.defineProperty(navigator, "clipboard", {
    value: writeText && { writeText },
    configurable: true,
  });
}

async function choose(user: ReturnType<typeof open>["user"], action: string) {
  await user.click(
    await screen.findByRole("button", { name: "Actions for the invite of grace@acme.example" }),
  );
  await user.click(await screen.findByRole("menuitem", { name: action }));
}

describe("an invite", () => {
  test.each([
    ["Pending", invite()],
    ["Expired", invite({ expired: true, invite_url: null })],
    ["Accepted", invite({ status: "used", invite_url: null, available_actions: { revoke: false } })],
    ["Revoked", invite({ status: "revoked", invite_url: null, available_actions: { revoke: false } })],
  ])("shows that it is %s", async (word, shown) => {
    invites = [shown];
    open(address);
    const row = await screen.findByRole("row", { name: /grace@acme.example/ });
    expect(row).toHaveTextContent(word);
    expect(within(row).queryByRole("button", { name: /Actions for/ }) !== null).toBe(
      shown.status === "pending",
    );
  });

  test("that has expired never shows an end in the future", async () => {
    const ahead = new Date(Date.now() + 14 * 365 * 86_400_000).toISOString();
    invites = [invite({ expired: true, invite_url: null, expires_at: ahead })];
    open(address);
    const row = await screen.findByRole("row", { name: /grace@acme.example/ });
    expect(row).toHaveTextContent("Expired");
    expect(within(row).queryByText(/in 14 years/)).toBeNull();
  });

  test("that is pending copies its link to the clipboard", async () => {
    const { user } = open(address);
    const writeText = vi.fn(async () => {});
    withClipboard(writeText);
    await choose(user, "Copy invite URL");
    await expectMessage("Invite URL for grace@acme.example copied.");
    expect(writeText).toHaveBeenCalledWith("http://tokentab.test/invite#the-code");
  });

  test("shows its link if the browser does not let the page copy", async () => {
    document.execCommand = vi.fn(() => false);
    const { user } = open(address);
    withClipboard(undefined);
    await choose(user, "Copy invite URL");
    const dialog = await screen.findByRole("dialog", { name: "Copy invite URL" });
    expect(within(dialog).getByRole("textbox")).toHaveValue("http://tokentab.test/invite#the-code");
    expect(screen.queryByText("Invite URL for grace@acme.example copied.")).not.toBeInTheDocument();
  });

  test("is revoked after a question, and the focus returns to its row", async () => {
    network.on("POST /admin_user_invite/:id/revoke", one(invite()));
    const { user } = open(address);
    await choose(user, "Revoke");
    const question = await screen.findByRole("alertdialog", { name: "Revoke this invite?" });
    expect(question).toHaveTextContent("The link for grace@acme.example stops working at once.");
    await user.click(within(question).getByRole("button", { name: "Revoke invite" }));
    await expectMessage(/Invite for grace@acme.example revoked/);
    await waitFor(() => expect(screen.getByRole("button", { name: /Actions for the invite/ })).toHaveFocus());
  });

  test("that was used meanwhile is reported", async () => {
    network.on("POST /admin_user_invite/:id/revoke", failure(409, "invalid_action", "It was used already."));
    const { user } = open(address);
    await choose(user, "Revoke");
    await user.click(await screen.findByRole("button", { name: "Revoke invite" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("It was used already.");
  });
});

describe("inviting a team member", () => {
  const send = async (email: string) => {
    const opened = open(address);
    await opened.user.click(await screen.findByRole("button", { name: "Invite a team member" }));
    const dialog = await screen.findByRole("dialog", { name: "Invite a team member" });
    if (email) await opened.user.type(within(dialog).getByRole("textbox", { name: "Email" }), email);
    await opened.user.click(within(dialog).getByRole("button", { name: "Create invite" }));
    return opened;
  };

  test.each([
    [true, /An email with this link was sent to grace@acme.example/],
    [false, /No mail was sent. Give this link to grace@acme.example yourself/],
    [null, /The mail to grace@acme.example may still arrive. If it does not, give them this link yourself/],
  ])("shows the link, and whether a mail was sent (%s)", async (mail_sent, text) => {
    network.on("POST /admin_user_invite", {
      ...one(invite()),
      mail_sent: mail_sent ?? false,
      mail_may_arrive: mail_sent === null,
    });
    await send(" grace@acme.example ");
    const dialog = await screen.findByRole("dialog", { name: "Invite created" });
    expect(dialog).toHaveTextContent(text);
    expect(within(dialog).getByRole("textbox", { name: "Invite URL" })).toHaveValue(
      "http://tokentab.test/invite#the-code",
    );
    expect(within(dialog).getByRole("textbox", { name: "Invite URL" })).toHaveFocus();
    expect(bodiesOf("POST /admin_user_invite")).toEqual([
      { idempotency_key: expect.any(String), details: { email: "grace@acme.example", role: "admin" } },
    ]);
  });

  test("without an email shows the error at the field and sends nothing", async () => {
    await send("");
    expect(screen.getByRole("textbox", { name: "Email" })).toHaveAccessibleDescription(
      "Enter an email address.",
    );
  });

  test("reports an existing member at the field", async () => {
    const errors = { email: ["belongs to a member already"] };
    network.on("POST /admin_user_invite", failure(422, "validation_errors", "No.", { errors }));
    await send("ada@acme.example");
    expect(await screen.findByText("Email belongs to a member already.")).toBeInTheDocument();
  });
});

test("an empty list offers the first invite", async () => {
  invites = [];
  const { user } = open(address);
  await user.click(await screen.findByRole("button", { name: "Invite the first team member" }));
  expect(await screen.findByRole("dialog", { name: "Invite a team member" })).toBeInTheDocument();
});

test("an invite with a lost answer is found by its key, with its link", async () => {
  let requests = 0;
  network.on("POST /admin_user_invite", () =>
    requests++ === 0 ? unreachable : { ...one(invite({ invite_url: null })), mail_sent: false },
  );
  network.on("GET /admin_user_invite/:id", one(invite()));
  const { user } = open(address);
  await user.click(await screen.findByRole("button", { name: "Invite a team member" }));
  await user.type(screen.getByRole("textbox", { name: "Email" }), "grace@acme.example");
  await user.click(screen.getByRole("button", { name: "Create invite" }));
  expect(await screen.findByRole("textbox", { name: "Invite URL" })).toHaveValue(
    "http://tokentab.test/invite#the-code",
  );
  const [first, second] = bodiesOf("POST /admin_user_invite");
  expect(second).toEqual(first);
});
