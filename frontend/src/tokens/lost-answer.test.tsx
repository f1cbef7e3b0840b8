import { act, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { drawn } from "../requests";
import { agent } from "../testing/agent-samples";
import { bodiesOf, failure, network, unreachable } from "../testing/network";
import { expectMessage, open } from "../testing/render";
import { environments, list, one, signedIn, token } from "../testing/samples";
import type { ApiToken } from "../wire";

const secret = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhY2NvdW50LTEifQ.c2lnbmF0dXJl";

/** The server: the tokens by idempotency key, and the answers that get lost. */
let tokens: ApiToken[];
let lose: "nothing" | "requests" | "answers" | "later answers";

interface Body {
  idempotency_key: string;
  details: { name?: string; token_scope: ApiToken["token_scope"] };
}

function create(body: Body) {
  if (lose === "requests") return unreachable;
  const id = body.idempotency_key;
  const known = tokens.find((one) => one.id === id);
  if (known) return lose === "answers" ? unreachable : one(known);
  const made = token({ id, name: body.details.name ?? null, token_scope: body.details.token_scope });
  tokens.push(made);
  return lose === "nothing" ? { ...one(made), token: secret } : unreachable;
}

beforeEach(() => {
  tokens = [];
  lose = "nothing";
  network.on("GET /session", signedIn());
  network.on("GET /api_token", () => list([...tokens].reverse()));
  network.on("POST /api_token", ({ body }: { body: Body }) => create(body));
  network.on("POST /api_token/:id/revoke", ({ params: [id] }: { params: string[] }) => {
    tokens = tokens.map((one) =>
      one.id === id
        ? token({
            ...one,
            status: "revoked",
            available_actions: token({ status: "revoked" }).available_actions,
          })
        : one,
    );
    return one(tokens.find((one) => one.id === id));
  });
});

const live = () => tokens.filter((one) => one.status === "active").length;
const alert = () => screen.findByRole("alert");

async function submit(name = "Billing") {
  const opened = open("/account/api-tokens");
  await opened.user.click(await screen.findByRole("button", { name: "Create API token" }));
  await opened.user.type(await screen.findByRole("textbox", { name: /Name/ }), name);
  await opened.user.click(screen.getByRole("button", { name: "Create token" }));
  return opened;
}

/** A restart of the server with other lifetimes, in days, between two tries. */
async function changeLifetimes({ client }: ReturnType<typeof open>, usual: number, max: number) {
  const lifetimes = { default_token_lifetime: usual * 86_400, max_token_lifetime: max * 86_400 };
  network.on("GET /session", signedIn(lifetimes));
  await act(async () => {
    await client.refetchQueries({ queryKey: ["session"] });
    await drawn();
  });
}

const lostDialog = () => screen.findByRole("dialog", { name: "The secret of this token is lost" });

describe("an answer that is lost", () => {
  test("is found by its key: the dialog reports the token and revokes it", async () => {
    lose = "later answers";
    const { user } = await submit();
    expect(await lostDialog()).toHaveTextContent("“Billing” (…x7Qa) is active");
    expect(tokens).toHaveLength(1);
    lose = "nothing";
    await user.click(screen.getByRole("button", { name: "Revoke token" }));
    expect(await screen.findByRole("textbox", { name: /Name/ })).toHaveValue("Billing");
    expect(live()).toBe(0);
    await user.click(screen.getByRole("button", { name: "Create token" }));
    expect(await screen.findByRole("textbox", { name: "Token value" })).toHaveValue(secret);
    expect(live()).toBe(1);
  });

  test("is reported again if the token is kept and another one created", async () => {
    lose = "later answers";
    const { user } = await submit();
    await lostDialog();
    lose = "nothing";
    await user.click(screen.getByRole("button", { name: "Keep it and try again" }));
    expect(screen.getByRole("dialog", { name: "Create API token" })).toHaveTextContent(
      "“Billing” (…x7Qa) is still active, and no one has its secret.",
    );
    await user.click(screen.getByRole("button", { name: "Create token" }));
    expect(await screen.findByRole("textbox", { name: "Token value" })).toHaveValue(secret);
    expect(live()).toBe(2);
  });

  test("leaves the dialog open if the revocation fails", async () => {
    lose = "later answers";
    const { user } = await submit();
    await lostDialog();
    network.on("POST /api_token/:id/revoke", failure(503, "unexpected", "The store does not answer."));
    network.on("GET /api_token/:id", () => one(tokens[0]));
    await user.click(screen.getByRole("button", { name: "Revoke token" }));
    expect(await alert()).toHaveTextContent("“Billing” (…x7Qa) was not revoked. The store does not answer.");
  });

  test("is reported in the list after the dialog is closed", async () => {
    lose = "later answers";
    const { user } = await submit();
    await lostDialog();
    await user.keyboard("{Escape}");
    await expectMessage(/stays active, and no one has its secret/);
    expect(await screen.findByRole("row", { name: /Billing.*New/ })).toBeInTheDocument();
  });
});

describe("a request that never arrives", () => {
  test("is repeated with the same key, and finally gets the secret", async () => {
    lose = "requests";
    const { user } = await submit();
    expect(await alert()).toHaveTextContent(/can’t be reached.*may have been created/);
    expect(screen.getByRole("textbox", { name: /Name/ })).toHaveValue("Billing");
    expect(screen.getByRole("textbox", { name: /Name/ })).toBeDisabled();
    lose = "nothing";
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("textbox", { name: "Token value" })).toHaveValue(secret);
    expect(tokens).toHaveLength(1);
    const bodies = bodiesOf("POST /api_token");
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
  });

  test("is repeated unchanged even if the longest lifetime has become shorter", async () => {
    lose = "answers";
    const opened = await submit();
    await alert();
    await changeLifetimes(opened, 7, 7);
    lose = "nothing";
    await opened.user.click(screen.getByRole("button", { name: "Try again" }));
    await lostDialog();
    expect(tokens).toHaveLength(1);
  });

  test("asks before it is left, by Escape or by the button", async () => {
    lose = "requests";
    const { user } = await submit();
    await alert();
    await user.keyboard("{Escape}");
    const question = await screen.findByRole("alertdialog", { name: "Close without an answer?" });
    await user.click(within(question).getByRole("button", { name: "Back" }));
    await waitFor(() => expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument());
    await user.click(screen.getByRole("button", { name: "Close" }));
    await user.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: "Close" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  });
});

test("a double click creates one token and shows its secret", async () => {
  const { user } = open("/account/api-tokens");
  await user.click(await screen.findByRole("button", { name: "Create API token" }));
  const create = await screen.findByRole("button", { name: "Create token" });
  act(() => {
    create.click();
    create.click();
  });
  expect(await screen.findByRole("textbox", { name: "Token value" })).toHaveValue(secret);
  await act(drawn);
  expect(screen.queryByText(/no one has its secret/)).not.toBeInTheDocument();
  expect(bodiesOf("POST /api_token")).toHaveLength(1);
});

describe("a refusal", () => {
  test("is final: the form is enabled, and the next try has a new key", async () => {
    network.on(
      "POST /api_token",
      failure(422, "validation_errors", "Not valid.", { errors: { name: ["No."] } }),
    );
    const { user } = await submit();
    expect(await screen.findByText("No.")).toBeInTheDocument();
    expect(screen.getByRole("textbox", { name: /Name/ })).toBeEnabled();
    await user.click(screen.getByRole("button", { name: "Create token" }));
    await waitFor(() => expect(bodiesOf("POST /api_token")).toHaveLength(2));
    const keys = (bodiesOf("POST /api_token") as Body[]).map((body) => body.idempotency_key);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).not.toBe(keys[0]);
  });

  test("of a repeat by an ended session proves nothing: the token may exist", async () => {
    lose = "answers";
    await submit();
    await alert();
    network.on("POST /api_token", failure(401, "not_authenticated", "Sign in first."));
    const { user } = { user: (await import("@testing-library/user-event")).default.setup() };
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText(/session had ended.*may have been created/)).toBeInTheDocument();
  });
});

test("a lost answer is found for deployment tokens as well", async () => {
  network.on("GET /agent/:id", one(agent()));
  network.on("GET /environment", list(environments));
  network.on("GET /agent_deployment", list([]));
  lose = "later answers";
  const { user } = open("/agents/agent-1/deployments");
  await user.click(await screen.findByRole("button", { name: "Create deployment token" }));
  await user.click(await screen.findByRole("radio", { name: /Production/ }));
  await user.click(screen.getByRole("button", { name: "Create token" }));
  await lostDialog();
  expect(tokens).toHaveLength(1);
});

test("a lost answer is found on the page for the CLI", async () => {
  lose = "later answers";
  const { user } = open("/cli/connect");
  await user.click(await screen.findByRole("button", { name: "Connect the CLI" }));
  expect(await lostDialog()).toHaveTextContent("“Prefactor CLI”");
  lose = "nothing";
  await user.click(screen.getByRole("button", { name: "Revoke token" }));
  await waitFor(() => expect(live()).toBe(0));
  await user.click(await screen.findByRole("button", { name: "Connect the CLI" }));
  expect(await screen.findByRole("textbox", { name: "Token value" })).toHaveValue(secret);
});

test("a lost request of the CLI is repeated unchanged even if the default lifetime has changed", async () => {
  lose = "answers";
  const opened = open("/cli/connect");
  await opened.user.click(await screen.findByRole("button", { name: "Connect the CLI" }));
  await alert();
  const expires = () => screen.getByText("Expires").nextElementSibling?.textContent?.replace(/ at .*/, "");
  const before = expires();
  await changeLifetimes(opened, 30, 400);
  expect(expires()).toBe(before);
  lose = "nothing";
  await opened.user.click(screen.getByRole("button", { name: "Try again" }));
  await lostDialog();
  expect(tokens).toHaveLength(1);
  // Once settled, another token gets the new default.
  await opened.user.click(screen.getByRole("button", { name: "Keep it and try again" }));
  await opened.user.click(screen.getByRole("button", { name: "Connect the CLI" }));
  await screen.findByRole("textbox", { name: "Token value" });
  expect(bodiesOf("POST /api_token").at(-1)).toMatchObject({ details: { expires_in: 30 * 86_400 } });
});
