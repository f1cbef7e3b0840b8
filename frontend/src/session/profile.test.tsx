import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { bodiesOf, Failure, failure, network, sent, unreachable } from "../testing/network";
import { expectMessage, expectWaiting, open } from "../testing/render";
import { ago } from "../testing/sample";
import { list, member, one, ownSession, signedIn, signedOut } from "../testing/samples";
import type { AdminSession } from "../wire";
import { browserName } from "./browser-name";

const address = "/profile";
const phone = ownSession({
  id: "session-2",
  current: false,
  user_agent:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
});

let sessions: AdminSession[];

beforeEach(() => {
  sessions = [ownSession(), phone];
  network.on("GET /session", signedIn());
  network.on("GET /session/all", () => list(sessions));
});

describe("the profile", () => {
  test("is reached from the account menu", async () => {
    network.on("GET /agent", list([]));
    const { user } = open("/agents");
    await user.click(await screen.findByRole("button", { name: /Account menu of Ada Lovelace/ }));
    await user.click(await screen.findByRole("menuitem", { name: "Profile" }));
    expect(await screen.findByRole("heading", { level: 1, name: "Profile" })).toBeInTheDocument();
    expect(window.location.pathname).toBe("/profile");
  });

  test("changes name and job title everywhere on the page", async () => {
    network.on("PUT /admin_user/:id", one(member({ name: "Ada King", job_title: null })));
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Edit" }));
    const dialog = await screen.findByRole("dialog", { name: "Edit profile" });
    await user.clear(within(dialog).getByRole("textbox", { name: "Name" }));
    await user.type(within(dialog).getByRole("textbox", { name: "Name" }), "Ada King");
    await user.clear(within(dialog).getByRole("textbox", { name: /Job title/ }));
    await user.click(within(dialog).getByRole("button", { name: "Save changes" }));
    expect(await screen.findByRole("button", { name: /Account menu of Ada King/ })).toBeInTheDocument();
    expect(bodiesOf("PUT /admin_user/:id")).toEqual([{ details: { name: "Ada King", job_title: null } }]);
    expect(sent.find(({ route }) => route === "PUT /admin_user/:id")?.params).toEqual(["user-1"]);
  });
});

describe("changing the password", () => {
  const fill = async (current: string, next: string) => {
    const opened = open(address);
    await opened.user.click(await screen.findByRole("button", { name: "Change password" }));
    const dialog = await screen.findByRole("dialog", { name: "Change password" });
    if (current) await opened.user.type(within(dialog).getByLabelText("Current password"), current);
    await opened.user.type(within(dialog).getByLabelText("New password"), next);
    await opened.user.click(within(dialog).getByRole("button", { name: "Change password" }));
    return { ...opened, dialog };
  };

  test("requires the old one, ends other sessions, and keeps neither password in memory", async () => {
    network.on("POST /session/password", signedIn());
    const { client } = await fill("the old one", "a long enough secret");
    await expectMessage(/Your other sessions have ended/);
    expect(bodiesOf("POST /session/password")).toEqual([
      { details: { current_password: "the old one", new_password: "a long enough secret" } },
    ]);
    await waitFor(() => {
      const kept = JSON.stringify(
        client
          .getMutationCache()
          .getAll()
          .map(({ state }) => state),
      );
      expect(kept).not.toContain("the old one");
      expect(kept).not.toContain("a long enough secret");
    });
    await waitFor(() => expect(screen.getByRole("button", { name: "Change password" })).toHaveFocus());
  });

  test("shows at the field that the old one is wrong", async () => {
    const errors = { current_password: ["is not your password"] };
    network.on("POST /session/password", failure(422, "validation_errors", "No.", { errors }));
    const { dialog } = await fill("wrong", "a long enough secret");
    await waitFor(() =>
      expect(within(dialog).getByLabelText("Current password")).toHaveAccessibleDescription(
        "Current password is not your password.",
      ),
    );
  });

  test("says that an earlier try may have changed it, if the answer was lost", async () => {
    network.on("POST /session/password", unreachable);
    const { user, dialog } = await fill("the old one", "a long enough secret");
    expect(await within(dialog).findByRole("alert")).toHaveTextContent("may have been made all the same");
    const errors = { current_password: ["is wrong"] };
    network.on("POST /session/password", failure(422, "validation_errors", "No.", { errors }));
    await user.click(within(dialog).getByRole("button", { name: "Change password" }));
    await waitFor(() =>
      expect(within(dialog).getByLabelText("Current password")).toHaveAccessibleDescription(
        "Current password is wrong. Most likely your earlier try has changed it to the new one, and its answer was lost.",
      ),
    );
  });

  test("shows at the field that the new one is the old one", async () => {
    const errors = { new_password: ["must differ from the current password"] };
    network.on("POST /session/password", failure(422, "validation_errors", "No.", { errors }));
    const { dialog } = await fill("the same long secret", "the same long secret");
    await waitFor(() =>
      expect(within(dialog).getByLabelText("New password")).toHaveAccessibleDescription(
        /New password must differ from the current password\./,
      ),
    );
  });

  test("detects a short new one and a missing old one without the server", async () => {
    const { dialog } = await fill("", "short");
    expect(within(dialog).getByText("Enter your current password.")).toBeInTheDocument();
    expect(within(dialog).getByText("Use at least 12 characters.")).toBeInTheDocument();
    expect(bodiesOf("POST /session/password")).toEqual([]);
  });

  test("waits as long as the server asks", async () => {
    const body = { status: "error", code: "not_permitted", message: "Too many tries." };
    network.on("POST /session/password", new Failure(429, body, { "Retry-After": "27" }));
    const { dialog } = await fill("wrong", "a long enough secret");
    expectWaiting(await within(dialog).findByRole("button", { name: /Try again in 2[67] s/ }));
  });
});

describe("the user's sessions", () => {
  test("show browser, address and times, and mark this one", async () => {
    open(address);
    const row = await screen.findByRole("row", { name: /Chrome on Linux/ });
    expect(row).toHaveTextContent("This session");
    expect(row).toHaveTextContent("192.0.2.7");
    expect(row).toHaveTextContent("Signed in 1 day ago");
    expect(screen.getByRole("row", { name: /Safari on iPhone/ })).not.toHaveTextContent("This session");
  });

  test("end one by one, and the focus goes to the next", async () => {
    network.on("DELETE /session/:id", () => {
      sessions = [ownSession()];
      return one(phone);
    });
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: /^End the session of Safari on iPhone/ }));
    await waitFor(() => expect(screen.queryByRole("row", { name: /Safari/ })).not.toBeInTheDocument());
    expect(screen.getByRole("button", { name: "Sign out of this session" })).toHaveFocus();
    expect(sent.find(({ route }) => route === "DELETE /session/:id")?.params).toEqual(["session-2"]);
  });

  test("of one browser differ in the names of their buttons", async () => {
    sessions = [
      ownSession(),
      phone,
      ownSession({ ...phone, id: "session-3", inserted_at: ago(3 * 3_600_000) }),
      ownSession({ ...phone, id: "session-4", inserted_at: ago(3 * 3_600_000 + 1_000) }),
    ];
    open(address);
    const buttons = await screen.findAllByRole("button", { name: /^End the session of Safari on iPhone/ });
    expect(new Set(buttons.map((button) => button.getAttribute("aria-label"))).size).toBe(3);
  });

  test("that another tab ended meanwhile counts as ended", async () => {
    network.on("DELETE /session/:id", () => {
      sessions = [ownSession()];
      return failure(404, "not_found", "There is no such session.");
    });
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: /^End the session of Safari on iPhone/ }));
    await expectMessage("Session ended.");
  });

  test("end all at once except this one", async () => {
    network.on("POST /session/end_others", () => {
      sessions = [ownSession()];
      return one({ type: "ended_sessions", count: 1 });
    });
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "End all others" }));
    await expectMessage("1 other session ended.");
    await waitFor(() =>
      expect(screen.queryByRole("button", { name: "End all others" })).not.toBeInTheDocument(),
    );
    expect(screen.getByRole("button", { name: "Sign out of this session" })).toHaveFocus();
  });

  test("lead to sign-in if this one ends", async () => {
    network.on("DELETE /session", signedOut());
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Sign out of this session" }));
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
  });

  test("show why they failed to load, below the profile", async () => {
    network.on("GET /session/all", failure(503, "unexpected", "The store is unavailable."));
    open(address);
    expect(await screen.findByRole("alert")).toHaveTextContent("The store is unavailable.");
    expect(screen.getByText("ada@acme.example", { selector: "dd" })).toBeInTheDocument();
  });
});

test.each([
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"],
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
    "Edge on macOS",
  ],
  ["curl/8.5.0", "curl"],
  ["some-robot", "some-robot"],
  ["", "Unknown program"],
])("the user agent %j is shown as %s", (says, name) => {
  expect(browserName(says)).toBe(name);
});
