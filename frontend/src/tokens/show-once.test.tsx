import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { bodiesOf, failure, network, sent } from "../testing/network";
import { open } from "../testing/render";
import { list, one, signedIn, signedOut, token } from "../testing/samples";

type User = ReturnType<typeof open>["user"];

const secret = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhY2NvdW50LTEifQ.c2lnbmF0dXJl";
const address = "/account/api-tokens";

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /api_token", list([]));
  network.on("POST /api_token", { ...one(token()), token: secret });
  document.execCommand = vi.fn(() => false);
});

/** As on plain HTTP over a network, without the clipboard API. */
function withoutClipboard() {
  Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true });
}

function withClipboard(writeText: (text: string) => Promise<void>) {
  Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
}

async function openForm() {
  const opened = open(address);
  // userEvent installs a clipboard.
  withoutClipboard();
  await opened.user.click(await screen.findByRole("button", { name: "Create API token" }));
  await screen.findByRole("dialog", { name: "Create API token" });
  return opened;
}

async function openSecret() {
  const opened = await openForm();
  await opened.user.click(screen.getByRole("button", { name: "Create token" }));
  await screen.findByRole("textbox", { name: "Token value" });
  return opened;
}

const field = () => screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Token value" });

function unloadIsGuarded(): boolean {
  const event = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(event);
  return event.defaultPrevented;
}

describe("the form", () => {
  test("creates account tokens that may only read", async () => {
    const { user } = await openForm();
    await user.click(screen.getByRole("radio", { name: /Read only/ }));
    await user.click(screen.getByRole("button", { name: "Create token" }));
    await screen.findByRole("textbox", { name: "Token value" });
    const [body] = bodiesOf("POST /api_token") as [{ details: object }];
    expect(body.details).toMatchObject({ token_scope: "account", token_role: "read" });
  });

  test("creates account tokens with the chosen name and expiry", async () => {
    const { user } = await openForm();
    await user.type(screen.getByRole("textbox", { name: /Name/ }), " Billing ");
    await user.click(screen.getByRole("radio", { name: "90 days" }));
    expect(screen.getByText(/^Expires on .+ \(.+\)$/)).toBeInTheDocument();
    await user.click(screen.getByRole("button", { name: "Create token" }));
    await screen.findByRole("textbox", { name: "Token value" });
    const [body] = bodiesOf("POST /api_token") as [{ details: object }];
    expect(body.details).toEqual({
      token_scope: "account",
      token_role: "manage",
      name: "Billing",
      expires_in: 90 * 86_400,
    });
  });

  test("omits an empty name", async () => {
    await openSecret();
    const [body] = bodiesOf("POST /api_token") as [{ details: object }];
    expect(body.details).not.toHaveProperty("name");
  });

  test("requires a date for a custom expiry", async () => {
    const { user } = await openForm();
    await user.click(screen.getByRole("radio", { name: "Custom" }));
    await user.click(screen.getByRole("button", { name: "Create token" }));
    expect(await screen.findByText("Choose a date.")).toBeInTheDocument();
    expect(screen.getByLabelText("Expiry date")).toBeInvalid();
    expect(bodiesOf("POST /api_token")).toEqual([]);
  });

  test("sets no attribute of a date that is edited: Firefox would empty a half-typed one", async () => {
    const { user } = await openForm();
    await user.click(screen.getByRole("radio", { name: "Custom" }));
    const date = screen.getByLabelText("Expiry date");
    const attributes = () => ["value", "min", "max"].map((name) => date.getAttribute(name));
    const before = attributes();
    for (const value of ["2027-01-30", "", "2027-01-31"]) fireEvent.change(date, { target: { value } });
    expect(attributes()).toEqual(before);
    expect(date).toHaveValue("2027-01-31");
  });

  test("shows the server's messages at their fields", async () => {
    network.on(
      "POST /api_token",
      failure(422, "validation_errors", "Not valid.", {
        errors: { name: ["Too long."], expires_at: ["Too late."] },
      }),
    );
    const { user } = await openForm();
    await user.click(screen.getByRole("button", { name: "Create token" }));
    expect(await screen.findByText("Too late.")).toBeInTheDocument();
    expect(screen.getByRole("textbox", { name: /Name/ })).toHaveAccessibleDescription("Too long.");
  });

  test("of an account token links to the agents, for a token of one of them", async () => {
    await openForm();
    const link = screen.getByRole("link", { name: "create a deployment token on the agent’s page" });
    expect(link).toHaveAttribute("href", "/agents");
  });

  test("can't be closed while the answer with the secret is on its way", async () => {
    let answer: (value: unknown) => void = () => {};
    network.on("POST /api_token", () => new Promise((resolve) => (answer = resolve)));
    const { user } = await openForm();
    await user.click(screen.getByRole("button", { name: "Create token" }));
    await user.keyboard("{Escape}");
    expect(screen.getByRole("button", { name: "Cancel" })).toBeDisabled();
    expect(unloadIsGuarded()).toBe(true);
    act(() => answer({ ...one(token()), token: secret }));
    expect(await screen.findByRole("textbox", { name: "Token value" })).toHaveValue(secret);
  });
});

describe("the secret", () => {
  test("is shown once, selected, with the two environment variables", async () => {
    await openSecret();
    expect(field()).toHaveValue(secret);
    expect(field()).toHaveFocus();
    expect(field().selectionEnd).toBe(secret.length);
    expect(field()).toHaveAttribute("readonly");
    expect(screen.getByRole("textbox", { name: "Environment variables" })).toHaveValue(
      `PREFACTOR_API_URL=http://tokentab.test\nPREFACTOR_API_TOKEN=${secret}`,
    );
  });

  test("includes the server's public address", async () => {
    network.on("GET /session", signedIn({ public_url: "https://tokens.acme.example" }));
    await openSecret();
    expect(screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Environment variables" }).value).toMatch(
      /^PREFACTOR_API_URL=https:\/\/tokens\.acme\.example\n/,
    );
  });

  test("names its token", async () => {
    await openSecret();
    expect(screen.getByRole("dialog", { name: "Save this token now" })).toHaveTextContent("“CI” (…x7Qa)");
  });

  test("makes Copy the primary button until it is copied, then Done", async () => {
    const { user } = await openSecret();
    const look = (name: string) => screen.getByRole("button", { name }).getAttribute("data-look");
    expect([look("Copy token"), look("Done")]).toEqual(["primary", "secondary"]);
    withClipboard(async () => {});
    await user.click(screen.getByRole("button", { name: "Copy token" }));
    await waitFor(() => expect([look("Copy token"), look("Done")]).toEqual(["secondary", "primary"]));
  });

  test.each([
    ["Escape", (user: User) => user.keyboard("{Escape}")],
    ["a click outside", (user: User) => user.click(document.querySelector("[role=presentation]") as Element)],
    ["Done", (user: User) => user.click(screen.getByRole("button", { name: "Done" }))],
  ])("is not lost by %s, which asks first", async (_, leave) => {
    const { user } = await openSecret();
    await leave(user);
    const question = await screen.findByRole("alertdialog", { name: "Close without copying?" });
    await user.click(within(question).getByRole("button", { name: "Back to the token" }));
    await waitFor(() => expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument());
    expect(field()).toHaveValue(secret);
  });

  test("is not lost by going back", async () => {
    await openSecret();
    act(() => {
      window.history.replaceState(null, "", "/agents");
      window.dispatchEvent(new PopStateEvent("popstate"));
    });
    expect(window.location.pathname).toBe(address);
    expect(await screen.findByRole("alertdialog", { name: "Close without copying?" })).toBeInTheDocument();
    expect(screen.getByLabelText("Token value")).toHaveValue(secret);
  });

  test("is not mixed with another user's session: requests name the user whom the page shows", async () => {
    const { client } = await openSecret();
    const { admin_user: ada } = signedIn().details;
    network.on("GET /session", signedIn({ admin_user: ada && { ...ada, id: "user-2" } }));
    await act(() => client.refetchQueries({ queryKey: ["session"] }));
    sent.length = 0;
    await act(() => client.refetchQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" }));
    const named = sent.map(({ headers }) => headers.get("X-Tokentab-User"));
    expect([...new Set(named)]).toEqual([ada?.id]);
  });

  test("is not lost when the session ends; sign-in follows after the dialog", async () => {
    const { user, client } = await openSecret();
    network.on("GET /session", signedOut());
    await act(() => client.refetchQueries({ queryKey: ["session"] }));
    expect(field()).toHaveValue(secret);
    await user.click(screen.getByRole("button", { name: "Done" }));
    await user.click(await screen.findByRole("button", { name: "Close without copying" }));
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
  });

  test("makes the browser ask before leaving until it is copied", async () => {
    const { user } = await openSecret();
    expect(unloadIsGuarded()).toBe(true);
    withClipboard(async () => {});
    await user.click(screen.getByRole("button", { name: "Copy token" }));
    await screen.findByText("Copied", { selector: "button *" });
    await waitFor(() => expect(unloadIsGuarded()).toBe(false));
  });

  test("leaves document, query cache, storage and address on closing", async () => {
    const { user, client } = await openSecret();
    await user.click(screen.getByRole("button", { name: "Done" }));
    await user.click(await screen.findByRole("button", { name: "Close without copying" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    const fields = [...document.querySelectorAll("input, textarea")].map(
      (input) => (input as HTMLInputElement).value,
    );
    expect(document.documentElement.outerHTML + fields.join()).not.toContain(secret);
    const kept = [
      ...client
        .getQueryCache()
        .getAll()
        .map((query) => query.state),
      ...client
        .getMutationCache()
        .getAll()
        .map((mutation) => mutation.state),
    ];
    expect(JSON.stringify(kept)).not.toContain(secret);
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain(secret);
    expect(window.location.href + JSON.stringify(window.history.state)).not.toContain(secret);
    await user.click(screen.getByRole("button", { name: "Create API token" }));
    expect(await screen.findByRole("dialog", { name: "Create API token" })).toBeInTheDocument();
    expect(screen.queryByRole("textbox", { name: "Token value" })).not.toBeInTheDocument();
  });

  test("never enters the query cache, even while it is shown", async () => {
    const { client } = await openSecret();
    const kept = [...client.getQueryCache().getAll(), ...client.getMutationCache().getAll()].map(
      (one) => one.state,
    );
    expect(JSON.stringify(kept)).not.toContain(secret);
  });

  test("is shown whole, also in a dialog whose scrollbar makes the lines shorter", async () => {
    const heightOf = ({ style }: HTMLElement) => Number.parseInt(style.height, 10) || 16;
    const heights = vi.spyOn(Element.prototype, "clientHeight", "get");
    heights.mockImplementation(function (this: HTMLElement) {
      return heightOf(this);
    });
    vi.spyOn(Element.prototype, "scrollHeight", "get").mockImplementation(function (this: HTMLElement) {
      return heightOf(this) < 384 ? 384 : 432;
    });
    await openSecret();
    expect(field().style.height).toBe("432px");
  });
});

describe("copying", () => {
  test("uses the browser's clipboard API", async () => {
    const written: string[] = [];
    const { user } = await openSecret();
    withClipboard(async (text) => void written.push(text));
    await user.click(screen.getByRole("button", { name: "Copy token" }));
    expect(await screen.findByText("Copied", { selector: "button *" })).toBeInTheDocument();
    expect(written).toEqual([secret]);
    await user.click(screen.getByRole("button", { name: "Done" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  });

  test("on plain HTTP selects the field in the dialog and uses the old command", async () => {
    const { user } = await openSecret();
    let selected = "";
    document.execCommand = vi.fn(() => {
      const active = document.activeElement as HTMLTextAreaElement;
      selected = active.value.slice(active.selectionStart, active.selectionEnd);
      return true;
    });
    await user.click(screen.getByRole("button", { name: "Copy variables" }));
    expect(await screen.findByText("Copied", { selector: "button *" })).toBeInTheDocument();
    expect(document.execCommand).toHaveBeenCalledWith("copy");
    expect(selected).toBe(`PREFACTOR_API_URL=http://tokentab.test\nPREFACTOR_API_TOKEN=${secret}`);
  });

  test("uses the old command if the browser denies its clipboard", async () => {
    const { user } = await openSecret();
    withClipboard(() => Promise.reject(new DOMException("denied", "NotAllowedError")));
    document.execCommand = vi.fn(() => true);
    await user.click(screen.getByRole("button", { name: "Copy token" }));
    expect(await screen.findByText("Copied", { selector: "button *" })).toBeInTheDocument();
  });

  test("that fails selects the text and says how to copy it", async () => {
    const { user } = await openSecret();
    await user.click(screen.getByRole("button", { name: "Copy token" }));
    expect(await screen.findByText(/press Ctrl\+C/)).toBeInTheDocument();
    expect(screen.queryByText("Copied")).not.toBeInTheDocument();
    expect(field()).toHaveFocus();
    expect(field().selectionEnd).toBe(secret.length);
    await user.click(screen.getByRole("button", { name: "Done" }));
    expect(await screen.findByRole("alertdialog", { name: "Close without copying?" })).toBeInTheDocument();
  });

  test("by hand counts if everything is selected", async () => {
    const { user } = await openSecret();
    field().setSelectionRange(0, 5);
    fireEvent.copy(field());
    expect(screen.queryByText("Copied")).not.toBeInTheDocument();
    field().select();
    fireEvent.copy(field());
    expect(await screen.findByText("Copied", { selector: "button *" })).toBeInTheDocument();
    await user.click(screen.getByRole("button", { name: "Done" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  });
});
