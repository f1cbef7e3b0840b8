import { act, screen, within } from "@testing-library/react";
import { describe, expect, test, vi } from "vitest";
import { bodiesOf, failure, network, slow } from "../testing/network";
import { expectWaiting, open } from "../testing/render";
import { account, list, noWebhook, one, signedIn } from "../testing/samples";

async function editAccount() {
  network.on("GET /session", signedIn());
  network.on("GET /account/:id", one(account()));
  network.on("GET /account/:id/webhook", noWebhook);
  const { user } = open("/account/details");
  await user.click(await screen.findByRole("button", { name: "Edit" }));
  const dialog = await screen.findByRole("dialog", { name: "Edit account" });
  const name = within(dialog).getByRole("textbox", { name: "Account name" });
  const save = within(dialog).getByRole("button", { name: "Save changes" });
  return { user, dialog, name, save };
}

describe("a form", () => {
  test("with a missing value is not sent; its field is focused and shows the error until it changes", async () => {
    const { user, name, save } = await editAccount();
    await user.clear(name);
    await user.click(save);
    expect(name).toHaveFocus();
    expect(name).toHaveAccessibleDescription("Enter a name for the account.");
    await user.keyboard("A");
    expect(name).not.toHaveAccessibleDescription();
    expect(bodiesOf("PUT /account/:id")).toEqual([]);
  });

  test("shows a refusal's messages at their fields and focuses the first", async () => {
    network.on(
      "PUT /account/:id",
      failure(422, "validation_errors", "Not valid.", {
        errors: { name: ["is too long"], website: ["is no address"] },
      }),
    );
    const { user, dialog, name, save } = await editAccount();
    await user.click(save);
    const website = within(dialog).getByRole("textbox", { name: /Website/ });
    await vi.waitFor(() => expect(website).toHaveFocus());
    expect(website).toHaveAccessibleDescription("Website is no address.");
    expect(name).toHaveAccessibleDescription("Account name is too long.");
    expect(within(dialog).queryByRole("alert")).not.toBeInTheDocument();
  });

  test("names what a refusal is about if it has no such field", async () => {
    network.on(
      "PUT /account/:id",
      failure(422, "validation_errors", "Some fields are not valid.", {
        errors: { billing_email: ["is required"] },
      }),
    );
    const { user, dialog, save } = await editAccount();
    await user.click(save);
    expect(await within(dialog).findByRole("alert")).toHaveTextContent(
      "Some fields are not valid. Billing email is required.",
    );
    expect(save).toHaveFocus();
  });

  test("does not repeat a message that is the field's own", async () => {
    network.on(
      "PUT /account/:id",
      failure(422, "validation_errors", "billing_email is required", {
        errors: { billing_email: ["is required"] },
      }),
    );
    const { user, dialog, save } = await editAccount();
    await user.click(save);
    const alert = await within(dialog).findByRole("alert");
    expect(alert.textContent).toBe("This is not valid. Billing email is required.");
  });

  test("shows a message without a field beside those at their fields", async () => {
    network.on(
      "PUT /account/:id",
      failure(422, "validation_errors", "Some fields are not valid.", {
        errors: { billing_email: ["is too long"], name: ["is too long"] },
      }),
    );
    const { user, dialog, name, save } = await editAccount();
    await user.click(save);
    expect(await within(dialog).findByRole("alert")).toHaveTextContent(
      "Some fields are not valid. Billing email is too long.",
    );
    expect(name).toHaveAccessibleDescription("Account name is too long.");
    expect(name).toHaveFocus();
  });

  test("names a field that shows no errors", async () => {
    network.on("GET /session", signedIn());
    network.on("GET /admin_user_invite", list([]));
    network.on(
      "POST /admin_user_invite",
      failure(422, "validation_errors", "Some fields are not valid.", {
        errors: { email: ["is no address"], role: ["is unknown"] },
      }),
    );
    const { user } = open("/account/invites");
    await user.click((await screen.findAllByRole("button", { name: /Invite/ }))[0] as HTMLElement);
    const dialog = await screen.findByRole("dialog");
    const email = within(dialog).getByRole("textbox", { name: "Email" });
    await user.type(email, "grace@acme.example");
    await user.click(within(dialog).getByRole("button", { name: "Create invite" }));
    expect(await within(dialog).findByRole("alert")).toHaveTextContent(
      "Some fields are not valid. Role is unknown.",
    );
    expect(email).toHaveAccessibleDescription("Email is no address.");
  });

  test("sends pasted tabs as spaces, and only what differs from what it began with", async () => {
    network.on("PUT /account/:id", one(account()));
    const { user, name, save } = await editAccount();
    await user.clear(name);
    await user.click(name);
    await user.paste("\tAcme\t Tokens\u2028");
    await user.click(save);
    await vi.waitFor(() =>
      expect(bodiesOf("PUT /account/:id")).toEqual([{ details: { name: "Acme Tokens" } }]),
    );
  });

  test("submitted twice at once is sent once, and again after the answer", async () => {
    network.on("PUT /account/:id", failure(503, "unexpected", "The store is unavailable."));
    const { dialog, save } = await editAccount();
    act(() => {
      save.click();
      save.click();
    });
    await within(dialog).findByRole("alert");
    expect(bodiesOf("PUT /account/:id")).toHaveLength(1);
    act(() => save.click());
    await vi.waitFor(() => expect(bodiesOf("PUT /account/:id")).toHaveLength(2));
  });

  test("stays open until its answer, which says what became of the change", async () => {
    let answer: (one: unknown) => void = () => {};
    network.on("PUT /account/:id", () => new Promise((resolve) => (answer = resolve)));
    const { user, dialog, save } = await editAccount();
    await user.click(save);
    expect(within(dialog).getByRole("button", { name: "Cancel" })).toBeDisabled();
    await user.keyboard("{Escape}");
    answer(failure(503, "unexpected", "The store is unavailable."));
    expect(await within(dialog).findByRole("alert")).toHaveTextContent("The store is unavailable.");
    await user.keyboard("{Escape}");
    expect(dialog).not.toBeInTheDocument();
  });

  test("waits as long as the server asks", async () => {
    const { user, dialog, save } = await editAccount();
    network.on("PUT /account/:id", slow);
    await user.click(save);
    expectWaiting(await within(dialog).findByRole("button", { name: "Try again in 60 s" }));
    expect(save).toHaveFocus();
    await user.click(save);
    await user.keyboard("{Enter}");
    expect(bodiesOf("PUT /account/:id")).toHaveLength(1);
    expect(within(dialog).getByRole("alert")).toHaveTextContent("Too many requests.");
  });
});
