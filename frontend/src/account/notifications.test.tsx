import { act, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { bodiesOf, failure, network, sent, unreachable } from "../testing/network";
import { open } from "../testing/render";
import { account, member, noWebhook, one, signedIn, webhook } from "../testing/samples";
import type { WebhookAttempt } from "../wire";

const address = "/account/details";
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const route = "/account/:id/webhook";

beforeEach(() => {
  network.on("GET /session", signedIn({ sends_mail: true }));
  network.on("GET /account/:id", one(account()));
  network.on("GET /admin_user/:id", one(member()));
  network.on(`GET ${route}`, one(webhook()));
});

const attempt = (more: Partial<WebhookAttempt> = {}): WebhookAttempt => ({
  at: new Date().toISOString(),
  message_type: "webhook.test",
  accepted: true,
  http_status: 204,
  failure: null,
  ...more,
});

const factOf = async (name: string) => (await screen.findByText(name)).nextElementSibling as HTMLElement;
const button = (name: string) => screen.findByRole("button", { name });

describe("setting up a webhook", () => {
  beforeEach(() => {
    network.on(`GET ${route}`, noWebhook);
    network.on(`PUT ${route}`, { ...one(webhook()), secret });
  });

  test("shows its secret once, and asks before it is lost", async () => {
    const { user } = open(address);
    await user.click(await button("Set up webhook"));
    expect(await factOf("Webhook")).toHaveTextContent("Not set");
    const form = within(await screen.findByRole("dialog", { name: "Set up webhook" }));
    await user.click(form.getByRole("button", { name: "Set up webhook" }));
    expect(form.getByText("Enter the address that gets the messages.")).toBeInTheDocument();
    await user.type(form.getByRole("textbox", { name: "URL" }), " https://hooks.acme.example/tokens ");
    await user.click(form.getByRole("button", { name: "Set up webhook" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Save this secret now" }));
    expect(dialog.getByRole("textbox", { name: "Signing secret" })).toHaveValue(secret);
    expect(dialog.getByRole("textbox", { name: "Signing secret" })).toHaveFocus();
    expect(bodiesOf(`PUT ${route}`)).toEqual([{ details: { url: "https://hooks.acme.example/tokens" } }]);
    await user.keyboard("{Escape}");
    const question = within(await screen.findByRole("alertdialog", { name: "Close without copying?" }));
    await user.click(question.getByRole("button", { name: "Back to the secret" }));
    await user.click(dialog.getByRole("button", { name: "Copy secret" }));
    await user.click(dialog.getByRole("button", { name: "Done" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    expect(document.body.innerHTML).not.toContain(secret);
    expect(await factOf("Last message")).toHaveTextContent("Nothing sent yet.");
  });

  test("whose answer was lost leads to another secret", async () => {
    network.on(`PUT ${route}`, unreachable);
    const { user } = open(address);
    await user.click(await button("Set up webhook"));
    const form = within(await screen.findByRole("dialog", { name: "Set up webhook" }));
    await user.type(form.getByRole("textbox", { name: "URL" }), "https://hooks.acme.example/tokens");
    network.on(`GET ${route}`, one(webhook()));
    await user.click(form.getByRole("button", { name: "Set up webhook" }));
    expect(await form.findByRole("alert")).toHaveTextContent("may have been made all the same");
    expect(await screen.findByRole("button", { name: "Replace secret", hidden: true })).toBeInTheDocument();
    network.on(`PUT ${route}`, one(webhook()));
    await user.click(form.getByRole("button", { name: "Set up webhook" }));
    const lost = within(await screen.findByRole("dialog", { name: "The signing secret is lost" }));
    network.on(`POST ${route}/replace_secret`, unreachable);
    expect(lost.getByRole("button", { name: "Replace secret" })).toHaveFocus();
    await user.keyboard("{Enter}");
    expect(await lost.findByRole("alert")).toHaveTextContent(
      "The secret may have been replaced, and no one has the new one.",
    );
    network.on(`POST ${route}/replace_secret`, { ...one(webhook()), secret });
    await user.click(lost.getByRole("button", { name: "Replace secret" }));
    expect(await screen.findByRole("textbox", { name: "Signing secret" })).toHaveValue(secret);
  });

  test("shows what the server says about the URL", async () => {
    const told = { errors: { url: ["must start with https://"] } };
    network.on(`PUT ${route}`, failure(422, "validation_errors", "Some fields are not valid.", told));
    const { user } = open(address);
    await user.click(await button("Set up webhook"));
    const form = within(await screen.findByRole("dialog"));
    await user.type(form.getByRole("textbox", { name: "URL" }), "http://hooks.acme.example");
    await user.click(form.getByRole("button", { name: "Set up webhook" }));
    expect(await form.findByText(/^URL must start with https:/)).toBeInTheDocument();
    expect(form.getByRole("textbox", { name: "URL" })).toHaveFocus();
  });
});

describe("a webhook", () => {
  test("is tested, and says what the receiver answered", async () => {
    network.on(`POST ${route}/test`, one(webhook({ last_attempt: attempt() })));
    const { user } = open(address);
    await user.click(await button("Send test"));
    expect(await screen.findByText("Test accepted with status 204")).toHaveAttribute("role", "status");
    const refused = attempt({
      accepted: false,
      http_status: 500,
      failure: "The receiver answered with status 500.",
    });
    network.on(`POST ${route}/test`, one(webhook({ last_attempt: refused })));
    await user.click(await button("Send test"));
    expect(
      await screen.findByText("Test failed: The receiver answered with status 500."),
    ).toBeInTheDocument();
    network.on(`POST ${route}/test`, failure(429, "not_permitted", "Wait 5 seconds."));
    await user.click(await button("Send test"));
    expect(await screen.findAllByText("The test was not sent. Wait 5 seconds.")).not.toHaveLength(0);
  });

  test("changes its URL and keeps its secret", async () => {
    network.on(`PUT ${route}`, one(webhook({ url: "https://b.example/" })));
    const { user } = open(address);
    await user.click(await button("Change URL"));
    const form = within(await screen.findByRole("dialog", { name: "Change webhook URL" }));
    expect(form.getByRole("textbox", { name: "URL" })).toHaveValue("https://hooks.acme.example/tokens");
    await user.click(form.getByRole("button", { name: "Change URL" }));
    expect(await screen.findByText("https://b.example/")).toBeInTheDocument();
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
  });

  test("gets a new secret, which is shown once", async () => {
    network.on(`POST ${route}/replace_secret`, { ...one(webhook()), secret });
    const { user, client } = open(address);
    await user.click(await button("Replace secret"));
    const dialog = within(await screen.findByRole("dialog", { name: "Replace the signing secret?" }));
    await user.click(dialog.getByRole("button", { name: "Replace secret" }));
    expect(await screen.findByRole("textbox", { name: "Signing secret" })).toHaveValue(secret);
    const kept = JSON.stringify([
      client
        .getQueryCache()
        .getAll()
        .map(({ state }) => state),
      client
        .getMutationCache()
        .getAll()
        .map(({ state }) => state),
    ]);
    expect(kept).not.toContain(secret);
  });

  test("shows the secret that comes late, once, although Escape was pressed", async () => {
    let answer: (one: unknown) => void = () => {};
    network.on(`POST ${route}/replace_secret`, () => new Promise((resolve) => (answer = resolve)));
    const { user } = open(address);
    await user.click(await button("Replace secret"));
    const dialog = within(await screen.findByRole("dialog", { name: "Replace the signing secret?" }));
    const yes = dialog.getByRole("button", { name: "Replace secret" });
    act(() => {
      yes.click();
      yes.click();
    });
    await waitFor(() => expect(dialog.getByRole("button", { name: "Cancel" })).toBeDisabled());
    await user.keyboard("{Escape}");
    answer({ ...one(webhook()), secret });
    expect(await screen.findByRole("textbox", { name: "Signing secret" })).toHaveValue(secret);
    expect(bodiesOf(`POST ${route}/replace_secret`)).toHaveLength(1);
  });

  test("that was deleted while its URL changed has a new secret, which is shown", async () => {
    network.on(`PUT ${route}`, { ...one(webhook({ url: "https://b.example/" })), secret });
    const { user } = open(address);
    await user.click(await button("Change URL"));
    const form = within(await screen.findByRole("dialog", { name: "Change webhook URL" }));
    await user.click(form.getByRole("button", { name: "Change URL" }));
    expect(await screen.findByRole("textbox", { name: "Signing secret" })).toHaveValue(secret);
  });

  test("is deleted after a question", async () => {
    network.on(`DELETE ${route}`, () => {
      network.on(`GET ${route}`, noWebhook);
      return one(webhook());
    });
    const { user } = open(address);
    await user.click(await button("Delete"));
    await user.click(await button("Delete webhook"));
    expect(await button("Set up webhook")).toHaveFocus();
    expect(await screen.findByText("Webhook deleted.")).toBeInTheDocument();
  });
});

describe("mail", () => {
  test("is turned off and on again", async () => {
    network.on("PUT /admin_user/:id", ({ body }: { body: { details: object } }) => one(member(body.details)));
    const { user } = open(address);
    await user.click(await button("Turn off"));
    expect(await button("Turn on")).toBeInTheDocument();
    await user.click(await button("Turn on"));
    expect(await button("Turn off")).toBeInTheDocument();
    expect(bodiesOf("PUT /admin_user/:id")).toEqual([
      { details: { expiry_mail: false } },
      { details: { expiry_mail: true } },
    ]);
  });

  test("is not offered by a server without a mail server", async () => {
    network.on("GET /session", signedIn());
    open(address);
    expect(await factOf("Mail to you")).toHaveTextContent("This server sends no mail.");
    expect(sent.some(({ route: asked }) => asked === "GET /admin_user/:id")).toBe(false);
  });
});
