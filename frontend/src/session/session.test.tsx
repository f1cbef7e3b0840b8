import { act, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { agent } from "../testing/agent-samples";
import { bodiesOf, Failure, failure, network, unreachable } from "../testing/network";
import { expectMessage, expectWaiting, open } from "../testing/render";
import { list, signedIn, signedOut, token } from "../testing/samples";
import type { Session } from "../wire";

const password = "a long enough secret";

async function signIn(user: ReturnType<typeof open>["user"]) {
  await user.type(await screen.findByLabelText("Email"), "ada@acme.example");
  await user.type(screen.getByLabelText("Password"), password);
  await user.click(screen.getByRole("button", { name: "Sign in" }));
}

describe("a visitor without a session", () => {
  test("signs in and returns to the requested page", async () => {
    network.on("GET /session", signedOut());
    network.on(
      "GET /agent",
      list([agent()], { item_count: 51, item_start: 51, item_end: 51, page_count: 2, page_index: 2 }),
    );
    const { user } = open("/agents?page=2");
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
    expect(window.location.search).toBe(`?next=${encodeURIComponent("/agents?page=2")}`);
    network.on("POST /session", signedIn());
    await signIn(user);
    // A page without agents would lead to the first.
    expect(await screen.findByRole("row", { name: /Invoice reader/ })).toBeInTheDocument();
    expect(window.location.pathname + window.location.search).toBe("/agents?page=2");
  });

  test("is never led to another site by next", async () => {
    network.on("GET /session", signedOut());
    network.on("GET /api_token", list([]));
    network.on("POST /session", signedIn());
    const { user } = open("/sign-in?next=//evil.example/");
    await signIn(user);
    expect(await screen.findByRole("heading", { level: 1, name: "Account" })).toBeInTheDocument();
    expect(window.location.href).toBe("http://tokentab.test/account/api-tokens");
  });
});

describe("signing in", () => {
  test("with wrong credentials shows the error and keeps the email", async () => {
    network.on("GET /session", signedOut());
    network.on("POST /session", failure(401, "not_authenticated", "Email or password is wrong."));
    const { user } = open("/sign-in");
    await signIn(user);
    expect(await screen.findByRole("alert")).toHaveTextContent("Email or password is wrong.");
    expect(screen.getByLabelText("Email")).toHaveValue("ada@acme.example");
  });

  test("waits as long as the server asks", async () => {
    network.on("GET /session", signedOut());
    const body = { status: "error", code: "not_permitted", message: "Too many tries." };
    network.on("POST /session", new Failure(429, body, { "Retry-After": "27" }));
    const { user } = open("/sign-in");
    await signIn(user);
    expect(await screen.findByRole("alert")).toHaveTextContent("Too many tries.");
    expectWaiting(screen.getByRole("button", { name: /Try again in 2[67] s/ }));
  });

  test("leaves no password in memory", async () => {
    network.on("GET /session", signedOut());
    network.on("GET /api_token", list([]));
    network.on("POST /session", signedIn());
    const { user, client } = open("/sign-in");
    await signIn(user);
    await screen.findByRole("heading", { level: 1, name: "Account" });
    const kept = client
      .getMutationCache()
      .getAll()
      .map((mutation) => mutation.state);
    expect(JSON.stringify(kept)).not.toContain(password);
  });
});

describe("a session that ends", () => {
  test("leads to sign-in and back", async () => {
    network.on("GET /session", signedIn());
    network.on("GET /api_token", failure(401, "not_authenticated", "Sign in first."));
    open("/account/api-tokens");
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
    expect(window.location.search).toBe(`?next=${encodeURIComponent("/account/api-tokens")}`);
  });

  describe("while a form is open", () => {
    const signedOutNow = failure(401, "not_authenticated", "Sign in first.");

    async function loseSession() {
      network.on("GET /session", signedIn());
      network.on("GET /api_token", list([]));
      network.on("POST /api_token", signedOutNow);
      const opened = open("/account/api-tokens");
      const { user } = opened;
      await user.click(await screen.findByRole("button", { name: "Create API token" }));
      await user.type(await screen.findByLabelText(/^Name/), "Nightly build");
      await user.click(screen.getByRole("button", { name: "Create token" }));
      const question = await screen.findByRole("alertdialog", { name: "Your session has ended" });
      return { ...opened, question: within(question) };
    }

    test("asks to sign in above it and keeps the input", async () => {
      const { user, question, client } = await loseSession();
      expect(question.getByLabelText("Email")).toHaveValue("ada@acme.example");
      network.on("POST /session", failure(401, "not_authenticated", "Email or password is wrong."));
      await user.type(question.getByLabelText("Password"), "not this one");
      await user.click(question.getByRole("button", { name: "Sign in" }));
      expect(await question.findByRole("alert")).toHaveTextContent("Email or password is wrong.");

      network.on("POST /session", signedIn());
      await user.clear(question.getByLabelText("Password"));
      await user.type(question.getByLabelText("Password"), password);
      await user.click(question.getByRole("button", { name: "Sign in" }));
      await waitFor(() => expect(screen.queryByText("Your session has ended")).not.toBeInTheDocument());
      expect(await screen.findByLabelText(/^Name/)).toHaveValue("Nightly build");
      expect(screen.getByRole("alert")).toHaveTextContent(/^Your session had ended. Try again.$/);
      expect(JSON.stringify(client.getMutationCache().getAll())).not.toContain(password);
    });

    test("reloads everything for another user", async () => {
      const { user, question } = await loseSession();
      const grace = {
        id: "user-2",
        email: "grace@acme.example",
        name: "Grace",
        job_title: null,
        role: "admin" as const,
      };
      network.on("POST /session", signedIn({ admin_user: grace }));
      await user.clear(question.getByLabelText("Email"));
      await user.type(question.getByLabelText("Email"), "grace@acme.example");
      await user.type(question.getByLabelText("Password"), password);
      await user.click(question.getByRole("button", { name: "Sign in" }));
      expect(await screen.findByRole("button", { name: /Account menu of Grace/ })).toBeInTheDocument();
      expect(screen.queryByLabelText(/^Name/)).not.toBeInTheDocument();
    });
  });

  test("keeps an open question and the reason in it", async () => {
    network.on("GET /session", signedIn());
    network.on("GET /api_token", list([token()]));
    const { user, client } = open("/account/api-tokens");
    await user.click(await screen.findByRole("button", { name: /^Actions for/ }));
    await user.click(await screen.findByRole("menuitem", { name: "Revoke" }));
    await user.type(await screen.findByRole("textbox", { name: /^Reason/ }), "leaked");
    network.on("GET /session", signedOut());
    await act(() => client.invalidateQueries({ queryKey: ["session"] }));
    await screen.findByRole("alertdialog", { name: "Your session has ended" });
    network.on("POST /session", signedIn());
    network.on("GET /session", signedIn());
    await user.type(screen.getByLabelText("Password"), password);
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    await waitFor(() => expect(screen.queryByText("Your session has ended")).not.toBeInTheDocument());
    const reason = await screen.findByRole("textbox", { name: /^Reason/ });
    expect(reason).toHaveValue("leaked");
    await waitFor(() => expect(reason).toHaveFocus());
  });

  test("by signing out removes all loaded data", async () => {
    network.on("GET /session", signedIn());
    network.on("GET /api_token", list([token()]));
    network.on("DELETE /session", signedOut());
    const { user, client } = open("/account/api-tokens");
    await screen.findByRole("row", { name: /CI/ });
    await user.click(screen.getByRole("button", { name: /Account menu of Ada Lovelace/ }));
    await user.click(await screen.findByRole("menuitem", { name: "Sign out" }));
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
    expect(client.getQueryData(["tokens", {}, 1])).toBeUndefined();
  });
});

test.each([
  ["user", { admin_user: { ...signedIn().details.admin_user, id: "user-2", name: "Grace" } }],
  ["account", { account: { id: "account-2", name: "Globex" } }],
])("a session of another %s shows nothing of the one before", async (_of, other) => {
  network.on("GET /session", signedIn());
  network.on("GET /api_token", list([token()]));
  const { client } = open("/account/api-tokens");
  await screen.findByRole("row", { name: /CI/ });
  network.on("GET /session", signedIn(other as Partial<Session>));
  // The list of the new session has not arrived yet.
  network.on("GET /api_token", () => new Promise(() => {}));
  await act(() => client.invalidateQueries({ queryKey: ["session"] }));
  await waitFor(() => expect(screen.queryByRole("row", { name: /CI/ })).not.toBeInTheDocument());
  expect(screen.getByRole("table")).toHaveAttribute("aria-busy", "true");
});

describe("set-up", () => {
  const needed = signedOut({ setup_required: true });

  async function fill(user: ReturnType<typeof open>["user"]) {
    await user.type(await screen.findByLabelText("Account name"), "Acme");
    await user.type(screen.getByLabelText("Your name"), "Ada");
    await user.type(screen.getByLabelText("Email"), "ada@acme.example");
    await user.type(screen.getByLabelText("Password"), password);
    await user.click(screen.getByRole("button", { name: "Create account" }));
  }

  test("opens first on a new server", async () => {
    network.on("GET /session", needed);
    open("/agents");
    expect(await screen.findByRole("heading", { name: "Set up Tokentab" })).toBeInTheDocument();
    expect(screen.getByLabelText("Setup code")).toBeInTheDocument();
  });

  test("takes the code from the link, removes it from the address, and signs in", async () => {
    network.on("GET /session", needed);
    network.on("GET /api_token", list([]));
    network.on("POST /setup", signedIn());
    const { user } = open("/setup#the-code");
    await screen.findByRole("heading", { name: "Set up Tokentab" });
    await waitFor(() => expect(window.location.href).toBe("http://tokentab.test/setup"));
    expect(screen.queryByLabelText("Setup code")).not.toBeInTheDocument();
    await fill(user);
    expect(await screen.findByRole("heading", { level: 1, name: "Account" })).toBeInTheDocument();
    expect(bodiesOf("POST /setup")).toEqual([
      {
        details: { code: "the-code", account_name: "Acme", name: "Ada", email: "ada@acme.example", password },
      },
    ]);
  });

  test("takes the code of a link opened on the open page", async () => {
    network.on("GET /session", needed);
    network.on("GET /api_token", list([]));
    network.on("POST /setup", signedIn());
    const { user } = open("/setup");
    await user.type(await screen.findByLabelText("Account name"), "Ac");
    window.location.hash = "#the-code";
    await waitFor(() => expect(screen.queryByLabelText("Setup code")).not.toBeInTheDocument());
    expect(window.location.href).toBe("http://tokentab.test/setup");
    expect(screen.getByLabelText("Account name")).toHaveValue("Ac");
    await user.clear(screen.getByLabelText("Account name"));
    await fill(user);
    await screen.findByRole("heading", { level: 1, name: "Account" });
    expect(bodiesOf("POST /setup")).toEqual([
      {
        details: { code: "the-code", account_name: "Acme", name: "Ada", email: "ada@acme.example", password },
      },
    ]);
  });

  test("takes the whole link in the code's field", async () => {
    network.on("GET /session", needed);
    const { user } = open("/setup");
    await user.click(await screen.findByLabelText("Setup code"));
    await user.paste(" http://127.0.0.1:8080/setup#the-code\n");
    expect(screen.getByLabelText("Setup code")).toHaveValue("the-code");
  });

  test("shows the code's field if the linked code is wrong", async () => {
    network.on("GET /session", needed);
    const errors = { code: ["This code is not the one."] };
    network.on("POST /setup", failure(422, "validation_errors", "Not valid.", { errors }));
    const { user } = open("/setup#old");
    await fill(user);
    expect(await screen.findByLabelText("Setup code")).toHaveAccessibleDescription(
      /This code is not the one\./,
    );
  });

  test("leads to sign-in if a try whose answer was lost has set the server up", async () => {
    network.on("GET /session", needed);
    network.on("POST /setup", unreachable);
    const { user } = open("/setup#the-code");
    await fill(user);
    expect(await screen.findByRole("alert")).toHaveTextContent(
      "The account may have been created all the same.",
    );
    const errors = { code: ["is not the one-time code"] };
    network.on("POST /setup", failure(422, "validation_errors", "Not valid.", { errors }));
    network.on("GET /session", signedOut());
    await user.click(screen.getByRole("button", { name: "Create account" }));
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
    expect(screen.getByText(/^Tokentab is set up already\./)).toBeVisible();
  });

  test("detects a short password without the server", async () => {
    network.on("GET /session", needed);
    const { user } = open("/setup#the-code");
    await user.type(await screen.findByLabelText("Password"), "short");
    await user.click(screen.getByRole("button", { name: "Create account" }));
    expect(await screen.findByText("Use at least 12 characters.")).toBeInTheDocument();
  });

  test("is closed afterwards", async () => {
    network.on("GET /session", signedIn());
    network.on("GET /api_token", list([]));
    open("/setup#the-code");
    await expectMessage("Tokentab is set up already.");
    expect(await screen.findByRole("heading", { level: 1, name: "Account" })).toBeInTheDocument();
    expect(window.location.hash).toBe("");
  });

  test("says that it is done to those who open its link signed out", async () => {
    network.on("GET /session", signedOut());
    open("/setup#the-code");
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
    expect(window.location.href).toBe("http://tokentab.test/sign-in");
    expect(screen.getByText(/^Tokentab is set up already\./)).toBeVisible();
  });
});

describe("a missing answer", () => {
  test("is reported, with a button to try again", async () => {
    network.on("GET /session", unreachable);
    network.on("GET /api_token", list([]));
    const { user } = open("/");
    expect(await screen.findByRole("alert")).toHaveTextContent("can’t be reached");
    network.on("GET /session", signedIn());
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("heading", { level: 1, name: "Account" })).toBeInTheDocument();
  });
});
