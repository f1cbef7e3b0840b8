import { act, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { bodiesOf, failure, network, sent, unreachable } from "../testing/network";
import { expectMessage, open } from "../testing/render";
import { environment, list, one, signedIn } from "../testing/samples";
import type { Environment } from "../wire";

const address = "/account/environments";

let stored: Environment[];

beforeEach(() => {
  stored = [
    environment({ id: "environment-2", name: "Production", purpose: "production", description: "Live." }),
    environment(),
  ];
  network.on("GET /session", signedIn());
  network.on("GET /environment", () => list(stored));
  network.on("DELETE /environment/:id", ({ params }: { params: string[] }) => {
    const gone = stored.find(({ id }) => id === params[0]);
    stored = stored.filter((other) => other !== gone);
    return { ...one(gone), revoked_api_token_count: gone?.live_api_token_count };
  });
});

async function choose(user: ReturnType<typeof open>["user"], row: string, action: string) {
  await user.click(await screen.findByRole("button", { name: `Actions for ${row}` }));
  await user.click(await screen.findByRole("menuitem", { name: action }));
}

describe("the environments", () => {
  test("are listed with name, purpose, description and an ID to copy", async () => {
    open(address);
    const row = await screen.findByRole("row", { name: /Production/ });
    expect(row).toHaveTextContent("Live.");
    expect(row).toHaveTextContent("environment-2");
    expect(within(row).getAllByRole("button", { name: "Copy ID of Production" })[0]).toBeInTheDocument();
  });

  test("if there are none, offer to create the first", async () => {
    stored = [];
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Create the first environment" }));
    expect(await screen.findByRole("dialog", { name: "Create environment" })).toBeInTheDocument();
  });

  test("that fail to load show the reason", async () => {
    network.on("GET /environment", failure(503, "unexpected", "The store is unavailable."));
    open(address);
    expect(await screen.findByRole("alert")).toHaveTextContent("The store is unavailable.");
  });
});

describe("an environment", () => {
  test("is created with name, purpose and description", async () => {
    network.on("POST /environment", one(environment({ name: "Trials" })));
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Create environment" }));
    const dialog = await screen.findByRole("dialog", { name: "Create environment" });
    await user.type(within(dialog).getByRole("textbox", { name: "Name" }), "Trials");
    await user.selectOptions(within(dialog).getByRole("combobox", { name: "Purpose" }), "testing");
    await user.click(within(dialog).getByRole("button", { name: "Create environment" }));
    await expectMessage("Trials created.");
    expect(bodiesOf("POST /environment")).toEqual([
      {
        idempotency_key: expect.any(String),
        details: { name: "Trials", purpose: "testing", description: null },
      },
    ]);
  });

  test("with the name of another is pointed out before it is created", async () => {
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Create environment" }));
    const name = await screen.findByRole("textbox", { name: "Name" });
    expect(name).not.toHaveAccessibleDescription();
    await user.type(name, " production ");
    expect(name).toHaveAccessibleDescription("Another environment has this name.");
  });

  test("whose answer is lost is not taken for another one", async () => {
    network.on("POST /environment", () => {
      stored = [environment({ id: "environment-3", name: "Trials" }), ...stored];
      network.on("POST /environment", unreachable);
      return unreachable;
    });
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Create environment" }));
    const dialog = await screen.findByRole("dialog");
    await user.type(within(dialog).getByRole("textbox", { name: "Name" }), "Trials");
    await user.click(within(dialog).getByRole("button", { name: "Create environment" }));
    expect(
      await within(dialog).findByText(/may have been made all the same. Try again to find out/),
    ).toBeVisible();
    expect(
      await screen.findByRole("button", { name: "Actions for Trials", hidden: true }),
    ).toBeInTheDocument();
    expect(within(dialog).queryByText("Another environment has this name.")).not.toBeInTheDocument();
  });

  test("is edited in the same form, and the focus returns to its row", async () => {
    network.on("PUT /environment/:id", one(stored[0]));
    const { user } = open(address);
    await choose(user, "Production", "Edit");
    const dialog = await screen.findByRole("dialog", { name: "Edit environment" });
    expect(within(dialog).getByRole("textbox", { name: "Name" })).toHaveValue("Production");
    await user.clear(within(dialog).getByRole("textbox", { name: /Description/ }));
    await user.click(within(dialog).getByRole("button", { name: "Save changes" }));
    await waitFor(() =>
      expect(bodiesOf("PUT /environment/:id")).toEqual([{ details: { description: null } }]),
    );
    await waitFor(() => expect(screen.getByRole("button", { name: "Actions for Production" })).toHaveFocus());
  });

  test("that is unused is deleted after a plain question, and the focus goes to the next row", async () => {
    const { user } = open(address);
    await choose(user, "Production", "Delete");
    const question = await screen.findByRole("alertdialog", { name: "Delete this environment?" });
    expect(question).toHaveTextContent("No deployments or tokens use Production.");
    expect(within(question).queryByRole("checkbox")).not.toBeInTheDocument();
    await user.click(within(question).getByRole("button", { name: "Delete environment" }));
    await waitFor(() => expect(screen.queryByRole("row", { name: /Production/ })).not.toBeInTheDocument());
    await waitFor(() =>
      expect(screen.getByRole("button", { name: "Actions for Development" })).toHaveFocus(),
    );
    const asked = sent.find(({ route }) => route === "DELETE /environment/:id");
    expect(asked?.query.get("if_unused")).toBe("true");
  });

  test("with deployments and tokens counts them, and requires a tick to delete them too", async () => {
    stored = [environment({ agent_deployment_count: 2, live_api_token_count: 1 })];
    const { user } = open(address);
    await choose(user, "Development", "Delete");
    const question = await screen.findByRole("alertdialog");
    expect(question).toHaveTextContent("2 deployments and 1 token use Development.");
    const yes = within(question).getByRole("button", { name: "Delete environment" });
    expect(yes).toBeDisabled();
    await user.click(within(question).getByRole("checkbox", { name: "Revoke them and delete" }));
    await user.click(yes);
    await expectMessage("Development deleted. 1 token revoked.");
    const asked = sent.find(({ route }) => route === "DELETE /environment/:id");
    expect(asked?.query.size).toBe(0);
  });

  test("is deleted once by a double click", async () => {
    const { user } = open(address);
    await choose(user, "Production", "Delete");
    const yes = await screen.findByRole("button", { name: "Delete environment" });
    act(() => {
      yes.click();
      yes.click();
    });
    await expectMessage("Production deleted.");
    expect(sent.filter(({ route }) => route === "DELETE /environment/:id")).toHaveLength(1);
  });

  test("that got a token meanwhile stays, and requires the tick", async () => {
    network.on("DELETE /environment/:id", () => {
      stored = [environment({ live_api_token_count: 1 })];
      return failure(409, "invalid_action", "0 deployments and 1 live token name it.");
    });
    const { user } = open(address);
    await choose(user, "Development", "Delete");
    const question = await screen.findByRole("alertdialog");
    await user.click(within(question).getByRole("button", { name: "Delete environment" }));
    expect(await within(question).findByRole("alert")).toHaveTextContent("1 live token name it.");
    expect(await within(question).findByRole("checkbox")).not.toBeChecked();
    expect(within(question).getByRole("button", { name: "Delete environment" })).toBeDisabled();
  });
});
