import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { bodiesOf, failure, network, slow } from "../testing/network";
import { expectWaiting, open } from "../testing/render";
import { list, one, signedIn, signedOut, token } from "../testing/samples";

const address = "/cli/connect";
const secret = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhY2NvdW50LTEifQ.c2lnbmF0dXJl";

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /api_token", list([]));
  network.on("POST /api_token", { ...one(token({ name: "Prefactor CLI" })), token: secret });
});

function unloadIsGuarded(): boolean {
  const event = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(event);
  return event.defaultPrevented;
}

describe("connecting the CLI", () => {
  test("describes the token and creates none automatically", async () => {
    open(address);
    expect(await screen.findByRole("heading", { level: 1, name: "Connect the CLI" })).toBeInTheDocument();
    expect(screen.getByText(/creates an account token named “Prefactor CLI”/)).toHaveTextContent("Acme");
    expect(bodiesOf("POST /api_token")).toEqual([]);
  });

  test("creates an account token with the default lifetime on request, and shows it once to paste", async () => {
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Connect the CLI" }));
    const field = await screen.findByRole("textbox", { name: "Token value" });
    expect(field).toHaveValue(secret);
    expect(field).toHaveFocus();
    expect(screen.getByRole("dialog")).toHaveTextContent("Paste it into the waiting terminal");
    const [body] = bodiesOf("POST /api_token") as [{ details: object }];
    expect(body.details).toEqual({ token_scope: "account", name: "Prefactor CLI", expires_in: 365 * 86_400 });
  });

  test("asks before it closes an uncopied token, and then forgets it", async () => {
    const { user, client } = open(address);
    await user.click(await screen.findByRole("button", { name: "Connect the CLI" }));
    await screen.findByRole("textbox", { name: "Token value" });
    await user.keyboard("{Escape}");
    const question = await screen.findByRole("alertdialog", { name: "Close without copying?" });
    await user.click(within(question).getByRole("button", { name: "Close without copying" }));
    expect(await screen.findByRole("heading", { name: "Token created" })).toBeInTheDocument();
    expect(document.body.innerHTML).not.toContain(secret);
    await waitFor(() => {
      const kept = [
        ...client
          .getMutationCache()
          .getAll()
          .map(({ state }) => state),
        ...client
          .getQueryCache()
          .getAll()
          .map(({ state }) => state),
      ];
      expect(JSON.stringify(kept)).not.toContain(secret);
    });
  });

  test("asks within the dialog of the token, so that Escape reaches the question alone", async () => {
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Connect the CLI" }));
    await user.click(await screen.findByRole("button", { name: "Done" }));
    await screen.findByRole("alertdialog", { name: "Close without copying?" });
    const dialog = screen.getByRole("dialog", { hidden: true });
    expect(dialog).toHaveAttribute("data-nested-dialog-open");
    fireEvent.keyDown(document.body, { key: "Escape" });
    await waitFor(() => expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument());
    expect(screen.getByRole("textbox", { name: "Token value" })).toHaveValue(secret);
  });

  test("makes the browser ask before leaving from the request until the token is closed", async () => {
    let answer: (value: unknown) => void = () => {};
    network.on("POST /api_token", () => new Promise((resolve) => (answer = resolve)));
    const { user } = open(address);
    const connect = await screen.findByRole("button", { name: "Connect the CLI" });
    expect(unloadIsGuarded()).toBe(false);
    await user.click(connect);
    expect(unloadIsGuarded()).toBe(true);
    act(() => answer({ ...one(token({ name: "Prefactor CLI" })), token: secret }));
    await user.click(await screen.findByRole("button", { name: "Done" }));
    expect(unloadIsGuarded()).toBe(true);
    await user.click(await screen.findByRole("button", { name: "Close without copying" }));
    await screen.findByRole("heading", { name: "Token created" });
    expect(unloadIsGuarded()).toBe(false);
  });

  test("that fails shows the reason and can be tried again", async () => {
    network.on("POST /api_token", failure(503, "unexpected", "The store is unavailable."));
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Connect the CLI" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("The store is unavailable.");
    expect(screen.getByRole("button", { name: "Try again" })).toBeEnabled();
  });

  test("waits as long as the server asks", async () => {
    network.on("POST /api_token", slow);
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Connect the CLI" }));
    const button = await screen.findByRole("button", { name: "Try again in 60 s" });
    expectWaiting(button);
    await user.click(button);
    expect(bodiesOf("POST /api_token")).toHaveLength(1);
  });

  test("says what a refusal is about", async () => {
    const errors = { expires_in: ["must be at most 86400"] };
    network.on(
      "POST /api_token",
      failure(422, "validation_errors", "Some fields are not valid.", { errors }),
    );
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Connect the CLI" }));
    expect(await screen.findByRole("alert")).toHaveTextContent(
      "Some fields are not valid. Expires in must be at most 86400.",
    );
  });

  test("leads a visitor without a session to sign-in and back", async () => {
    network.on("GET /session", signedOut());
    network.on("POST /session", signedIn());
    const { user } = open(address);
    await user.type(await screen.findByLabelText("Email"), "ada@acme.example");
    await user.type(screen.getByLabelText("Password"), "a long enough secret");
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByRole("heading", { level: 1, name: "Connect the CLI" })).toBeInTheDocument();
    await waitFor(() => expect(window.location.pathname).toBe("/cli/connect"));
  });
});
