import { screen, waitFor } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { bodiesOf, Failure, failure, network, unreachable } from "../testing/network";
import { open } from "../testing/render";
import { list, signedIn, signedOut, token } from "../testing/samples";

const password = "a long enough secret";

async function signIn(user: ReturnType<typeof open>["user"]) {
  await user.type(await screen.findByLabelText("Email"), "ada@acme.example");
  await user.type(screen.getByLabelText("Password"), password);
  await user.click(screen.getByRole("button", { name: "Sign in" }));
}

describe("a stranger", () => {
  test("is sent to sign-in and from there back to the page that was asked for", async () => {
    network.on("GET /session", signedOut());
    network.on("GET /agent", list([]));
    const { user } = open("/agents?page=2");
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
    expect(window.location.search).toBe(`?next=${encodeURIComponent("/agents?page=2")}`);
    network.on("POST /session", signedIn());
    await signIn(user);
    expect(await screen.findByRole("heading", { level: 1, name: "Agents" })).toBeInTheDocument();
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
  test("with a wrong pair says so and keeps the email", async () => {
    network.on("GET /session", signedOut());
    network.on("POST /session", failure(401, "not_authenticated", "Email or password is wrong."));
    const { user } = open("/sign-in");
    await signIn(user);
    expect(await screen.findByRole("alert")).toHaveTextContent("Email or password is wrong.");
    expect(screen.getByLabelText("Email")).toHaveValue("ada@acme.example");
  });

  test("too often waits as long as the server asks", async () => {
    network.on("GET /session", signedOut());
    const body = { status: "error", code: "not_permitted", message: "Too many tries." };
    network.on("POST /session", new Failure(429, body, { "Retry-After": "27" }));
    const { user } = open("/sign-in");
    await signIn(user);
    expect(await screen.findByRole("alert")).toHaveTextContent("Too many tries.");
    expect(screen.getByRole("button", { name: /Try again in 2[67] s/ })).toBeDisabled();
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
  test("leads to sign-in with the way back", async () => {
    network.on("GET /session", signedIn());
    network.on("GET /api_token", failure(401, "not_authenticated", "Sign in first."));
    open("/account/api-tokens");
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
    expect(window.location.search).toBe(`?next=${encodeURIComponent("/account/api-tokens")}`);
  });

  test("by signing out leaves nothing of what was loaded", async () => {
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

describe("set-up", () => {
  const needed = signedOut({ setup_required: true });

  async function fill(user: ReturnType<typeof open>["user"]) {
    await user.type(await screen.findByLabelText("Account name"), "Acme");
    await user.type(screen.getByLabelText("Your name"), "Ada");
    await user.type(screen.getByLabelText("Email"), "ada@acme.example");
    await user.type(screen.getByLabelText("Password"), password);
    await user.click(screen.getByRole("button", { name: "Create account" }));
  }

  test("is where everything leads on a new server", async () => {
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

  test("shows the code's field when the code in the link is wrong", async () => {
    network.on("GET /session", needed);
    const errors = { code: ["This code is not the one."] };
    network.on("POST /setup", failure(422, "validation_errors", "Not valid.", { errors }));
    const { user } = open("/setup#old");
    await fill(user);
    expect(await screen.findByLabelText("Setup code")).toHaveAccessibleDescription(
      /This code is not the one\./,
    );
  });

  test("tells of a short password without asking the server", async () => {
    network.on("GET /session", needed);
    const { user } = open("/setup#the-code");
    await user.type(await screen.findByLabelText("Password"), "short");
    await user.click(screen.getByRole("button", { name: "Create account" }));
    expect(await screen.findByText("Use at least 12 characters.")).toBeInTheDocument();
  });

  test("is closed once it was done", async () => {
    network.on("GET /session", signedIn());
    network.on("GET /api_token", list([]));
    open("/setup#the-code");
    expect(await screen.findByRole("heading", { level: 1, name: "Account" })).toBeInTheDocument();
  });
});

describe("a server that does not answer", () => {
  test("is told, with another try", async () => {
    network.on("GET /session", unreachable);
    network.on("GET /api_token", list([]));
    const { user } = open("/");
    expect(await screen.findByRole("alert")).toHaveTextContent("can’t be reached");
    network.on("GET /session", signedIn());
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("heading", { level: 1, name: "Account" })).toBeInTheDocument();
  });
});
