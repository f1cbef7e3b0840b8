import { act, screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { bodiesOf, failure, network, unreachable } from "../testing/network";
import { open } from "../testing/render";
import { list, one, signedIn, signedOut } from "../testing/samples";

const code = "01kdvdna00zzzzzz18532cy4e89yc88k-c2lnbmVk";
const address = `/invite#${code}`;
const password = "a long enough secret";
const gone = failure(404, "not_found", "There is no such invite.");

const invite = one({
  type: "invite",
  email: "grace@acme.example",
  account_name: "Acme",
  expires_at: new Date(Date.now() + 5 * 86_400_000).toISOString(),
});

beforeEach(() => {
  network.on("GET /session", signedOut());
  network.on("POST /invite/show", invite);
});

async function fill(user: ReturnType<typeof open>["user"]) {
  await user.type(await screen.findByLabelText("Your name"), "Grace");
  await user.type(screen.getByLabelText("Password"), password);
  await user.click(screen.getByRole("button", { name: "Join Acme" }));
}

describe("an invite link", () => {
  test("shows account and email, and removes its code from the address", async () => {
    open(address);
    expect(await screen.findByRole("heading", { level: 1, name: "Join Acme" })).toBeInTheDocument();
    expect(screen.getByLabelText("Email")).toHaveValue("grace@acme.example");
    expect(screen.getByLabelText("Email")).toHaveAttribute("readonly");
    expect(window.location.href).toBe("http://tokentab.test/invite");
    expect(bodiesOf("POST /invite/show")[0]).toEqual({ details: { code } });
  });

  test("of an older version, with its code in the path, works too", async () => {
    open(`/invite/${code}`);
    expect(await screen.findByRole("heading", { level: 1, name: "Join Acme" })).toBeInTheDocument();
    expect(window.location.href).toBe("http://tokentab.test/invite");
    expect(bodiesOf("POST /invite/show")).toEqual([{ details: { code } }]);
  });

  test("is taken while the page shows another one, and again after it failed", async () => {
    network.on("POST /invite/show", failure(503, "unexpected", "The store is unavailable."));
    open("/invite#another-code");
    await screen.findByRole("alert");
    act(() => window.location.assign("#another-code"));
    await waitFor(() => expect(bodiesOf("POST /invite/show")).toHaveLength(2));
    await screen.findByRole("alert");
    network.on("POST /invite/show", invite);
    act(() => window.location.assign(`#${code}`));
    expect(await screen.findByRole("heading", { level: 1, name: "Join Acme" })).toBeInTheDocument();
    expect(window.location.href).toBe("http://tokentab.test/invite");
    expect(bodiesOf("POST /invite/show")).toEqual(
      ["another-code", "another-code", code].map((code) => ({ details: { code } })),
    );
  });

  test("accepts a name and a password and signs the user in", async () => {
    network.on("POST /invite/accept", signedIn());
    network.on("GET /api_token", list([]));
    const { user } = open(address);
    await fill(user);
    expect(await screen.findByRole("heading", { level: 1, name: "Account" })).toBeInTheDocument();
    expect(bodiesOf("POST /invite/accept")).toEqual([{ details: { code, name: "Grace", password } }]);
    expect(window.location.pathname).toBe("/account/api-tokens");
  });

  test("leaves neither code nor password in memory, document or history", async () => {
    network.on("POST /invite/accept", signedIn());
    network.on("GET /api_token", list([]));
    const { user, client } = open(address);
    await fill(user);
    await screen.findByRole("heading", { level: 1, name: "Account" });
    await waitFor(() => {
      const kept = JSON.stringify([
        client
          .getQueryCache()
          .getAll()
          .map(({ queryKey, state }) => [queryKey, state]),
        client
          .getMutationCache()
          .getAll()
          .map(({ state }) => state),
        window.history.state,
        document.body.innerHTML,
      ]);
      expect(kept).not.toContain(code);
      expect(kept).not.toContain(password);
    });
  });

  test("that no longer works is reported", async () => {
    network.on("POST /invite/show", gone);
    open(address);
    expect(
      await screen.findByRole("heading", { level: 1, name: "This invite no longer works" }),
    ).toBeInTheDocument();
    expect(screen.queryByRole("textbox")).not.toBeInTheDocument();
    expect(window.location.pathname).toBe("/invite");
  });

  test("that was used meanwhile is reported in the same way", async () => {
    network.on("POST /invite/accept", gone);
    const { user } = open(address);
    await fill(user);
    expect(await screen.findByRole("heading", { name: "This invite no longer works" })).toBeInTheDocument();
  });

  test("that was accepted by a try whose answer was lost leads to sign-in", async () => {
    network.on("POST /invite/accept", unreachable);
    const { user } = open(address);
    await fill(user);
    expect(await screen.findByRole("alert")).toHaveTextContent("You may have joined all the same.");
    network.on("POST /invite/accept", gone);
    await user.click(screen.getByRole("button", { name: /^Join/ }));
    expect(await screen.findByRole("heading", { name: "You have probably joined" })).toBeInTheDocument();
    expect(screen.getByText(/Sign in as .+@.+ with the password you chose\./)).toBeInTheDocument();
    expect(screen.getByRole("link", { name: "Go to sign-in" })).toBeInTheDocument();
  });

  test("that fails to load can be tried again with the same code", async () => {
    network.on("POST /invite/show", failure(503, "unexpected", "The store is unavailable."));
    const { user } = open(address);
    expect(await screen.findByRole("alert")).toHaveTextContent("The store is unavailable.");
    network.on("POST /invite/show", gone);
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("heading", { name: "This invite no longer works" })).toBeInTheDocument();
    expect(bodiesOf("POST /invite/show")).toEqual([{ details: { code } }, { details: { code } }]);
  });

  test("requires a name and a long enough password before it sends anything", async () => {
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Join Acme" }));
    expect(screen.getByLabelText("Your name")).toHaveAccessibleDescription("Enter your name.");
    expect(screen.getByText("Use at least 12 characters.")).toBeInTheDocument();
    expect(bodiesOf("POST /invite/accept")).toEqual([]);
  });

  test("names the session that it will replace", async () => {
    network.on("GET /session", signedIn());
    open(address);
    expect(await screen.findByText(/You are signed in as ada@acme.example/)).toBeInTheDocument();
  });

  test("must be opened again after a reload, which loses its code", async () => {
    open("/invite");
    await waitFor(() => expect(screen.getByRole("heading", { name: "Open the invite again" })).toBeVisible());
    expect(bodiesOf("POST /invite/show")).toEqual([]);
  });
});
