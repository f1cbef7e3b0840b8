import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { bodiesOf, failure, network } from "../testing/network";
import { open } from "../testing/render";
import { account, backup, list, noWebhook, one, signedIn, signedOut } from "../testing/samples";

const address = "/account/details";
const contents = { type: "account_contents", admin_users: 2, environments: 3, agents: 1, api_tokens: 1204 };

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /account/:id", one(account()));
  network.on("GET /account/:id/webhook", noWebhook);
});

const factOf = async (name: string) => (await screen.findByText(name)).nextElementSibling;

describe("the tabs of the account", () => {
  test("are these five, in this order", async () => {
    open(address);
    const tabs = await screen.findByRole("navigation", { name: "Account" });
    expect(
      within(tabs)
        .getAllByRole("link")
        .map((tab) => tab.textContent),
    ).toEqual(["Details", "Team", "Invites", "API Tokens", "Environments", "Audit"]);
    expect(within(tabs).getByRole("link", { name: "Details" })).toHaveAttribute("aria-current", "page");
  });
});

describe("the details", () => {
  test("show purpose, organisation, website, name and ID, the ID with a copy button", async () => {
    open(address);
    await screen.findByText("Acme Robotics Ltd");
    expect(await factOf("Purpose")).toHaveTextContent("Business");
    expect(await factOf("Account name")).toHaveTextContent("Acme");
    expect(screen.getByRole("link", { name: "https://acme.example" })).toHaveAttribute("rel", "noreferrer");
    expect(screen.getByRole("button", { name: "Copy website" })).toBeInTheDocument();
    expect(screen.getByRole("button", { name: "Copy account ID" })).toBeInTheDocument();
  });

  test.each([
    [987, "987 bytes"],
    [4_321, "4.3 kB"],
    [999_960, "1 MB"],
    [12_345_678, "12.3 MB"],
    [2_500_000_000, "2.5 GB"],
    [12_345_678_000_000, "12,345.7 GB"],
  ])("show the last proven backup of %d bytes as %s", async (bytes, text) => {
    network.on("GET /backup", one(backup({ proven_at: "2026-02-01T12:00:00.000Z", bytes })));
    open(address);
    await screen.findByText("Last proven backup");
    expect((await factOf("Last proven backup"))?.textContent).toMatch(new RegExp(`, ${text}$`));
  });

  test("of a personal account have no organisation", async () => {
    network.on("GET /account/:id", one(account({ purpose: "personal", organisation_name: null })));
    open(address);
    await screen.findByText("Personal");
    expect(screen.queryByText("Organisation name")).not.toBeInTheDocument();
  });

  test("show why they failed to load, and load on another try", async () => {
    network.on("GET /account/:id", failure(503, "unexpected", "The store is unavailable."));
    const { user } = open(address);
    expect(await screen.findByRole("alert")).toHaveTextContent("The store is unavailable.");
    network.on("GET /account/:id", one(account()));
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("Acme Robotics Ltd")).toBeInTheDocument();
  });
});

describe("copying a value", () => {
  test("that fails selects the value and does not claim success", async () => {
    const { user } = open(address);
    const button = await screen.findByRole("button", { name: "Copy account ID" });
    Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true });
    await user.click(button);
    expect(await screen.findByText(/did not let us copy/)).toBeInTheDocument();
    expect(screen.queryByText("Copied")).not.toBeInTheDocument();
    expect(String(window.getSelection())).toBe("account-1");
  });
});

describe("editing the account", () => {
  const openDialog = async () => {
    const opened = open(address);
    await screen.findByText("Acme Robotics Ltd");
    await opened.user.click(screen.getByRole("button", { name: "Edit" }));
    return { ...opened, dialog: await screen.findByRole("dialog", { name: "Edit account" }) };
  };

  test("sends only the fields that were changed and shows the result", async () => {
    network.on("PUT /account/:id", one(account({ website: null, name: "Acme Ltd" })));
    const { user, dialog } = await openDialog();
    await user.clear(within(dialog).getByRole("textbox", { name: /Website/ }));
    await user.clear(within(dialog).getByRole("textbox", { name: "Account name" }));
    await user.type(within(dialog).getByRole("textbox", { name: "Account name" }), "Acme Ltd");
    network.on("GET /account/:id", one(account({ website: null, name: "Acme Ltd" })));
    await user.click(within(dialog).getByRole("button", { name: "Save changes" }));
    expect(await screen.findByText("Acme Ltd")).toBeInTheDocument();
    expect(bodiesOf("PUT /account/:id")).toEqual([{ details: { website: null, name: "Acme Ltd" } }]);
    await waitFor(() => expect(screen.getByRole("button", { name: "Edit" })).toHaveFocus());
  });

  test("neither asks for nor sends an organisation if it is personal", async () => {
    network.on("PUT /account/:id", one(account({ purpose: "personal", organisation_name: null })));
    const { user, dialog } = await openDialog();
    await user.selectOptions(within(dialog).getByRole("combobox", { name: "Purpose" }), "personal");
    expect(within(dialog).queryByRole("textbox", { name: /Organisation/ })).not.toBeInTheDocument();
    await user.click(within(dialog).getByRole("button", { name: "Save changes" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    expect(bodiesOf("PUT /account/:id")).toMatchObject([{ details: { organisation_name: null } }]);
  });

  test("shows the server's messages at their fields", async () => {
    const errors = { website: ["must be an http or https address"] };
    network.on("PUT /account/:id", failure(422, "validation_errors", "No.", { errors }));
    const { user, dialog } = await openDialog();
    await user.click(within(dialog).getByRole("button", { name: "Save changes" }));
    await waitFor(() =>
      expect(within(dialog).getByRole("textbox", { name: /Website/ })).toHaveAccessibleDescription(
        "Website must be an http or https address.",
      ),
    );
  });
});

describe("deleting the account", () => {
  const openQuestion = async () => {
    network.on("GET /account/:id/contents", one(contents));
    const opened = open(address);
    await opened.user.click(await screen.findByRole("button", { name: "Delete account" }));
    const question = await screen.findByRole("alertdialog", { name: "Delete this account?" });
    await within(question).findByText("2 members");
    return { ...opened, question };
  };

  test("counts what it deletes", async () => {
    const { question } = await openQuestion();
    for (const part of ["2 members", "3 environments", "1 agent", "1,204 API tokens"]) {
      expect(within(question).getByText(part)).toBeInTheDocument();
    }
  });

  test("requires the exact name of the account", async () => {
    const { user, question } = await openQuestion();
    const yes = within(question).getByRole("button", { name: "Delete account" });
    expect(yes).toBeDisabled();
    await user.type(within(question).getByRole("textbox"), "acme{Enter}");
    expect(yes).toBeDisabled();
    expect(bodiesOf("DELETE /account/:id")).toEqual([]);
    await user.clear(within(question).getByRole("textbox"));
    await user.type(within(question).getByRole("textbox"), "Acme");
    expect(yes).toBeEnabled();
  });

  test("ends at sign-in", async () => {
    const { user, question } = await openQuestion();
    network.on("DELETE /account/:id", () => {
      network.on("GET /session", signedOut());
      return one(account());
    });
    network.on("GET /api_token", list([]));
    await user.type(within(question).getByRole("textbox"), "Acme");
    await user.click(within(question).getByRole("button", { name: "Delete account" }));
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
    expect(bodiesOf("DELETE /account/:id")).toEqual([{ details: { name: "Acme" } }]);
  });

  test("returns the focus on Cancel and forgets the input", async () => {
    const { user, question } = await openQuestion();
    await user.type(within(question).getByRole("textbox"), "Acme");
    await user.click(within(question).getByRole("button", { name: "Cancel" }));
    await waitFor(() => expect(screen.getByRole("button", { name: "Delete account" })).toHaveFocus());
    await user.click(screen.getByRole("button", { name: "Delete account" }));
    expect(await screen.findByRole("textbox")).toHaveValue("");
  });
});
