import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { agent } from "../testing/agent-samples";
import { bodiesOf, failure, network, type Sent, sent } from "../testing/network";
import { open } from "../testing/render";
import { deploymentToken, environments, list, one, signedIn } from "../testing/samples";

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /agent", list([agent()]));
  network.on("GET /agent/:id", one(agent()));
  network.on("GET /environment", list(environments));
  network.on("GET /agent_deployment", list([]));
  network.on("GET /api_token", list([deploymentToken()]));
});

describe("the agents", () => {
  test("are listed with status and description, and link to their pages", async () => {
    const { user } = open("/agents");
    const row = await screen.findByRole("row", { name: /Invoice reader/ });
    expect(row).toHaveTextContent("Active");
    expect(row).toHaveTextContent("Reads invoices.");
    await user.click(within(row).getByRole("link", { name: "Invoice reader" }));
    expect(await screen.findByRole("heading", { level: 1, name: "Invoice reader" })).toBeInTheDocument();
    expect(window.location.pathname).toBe("/agents/agent-1/deployments");
  });

  test("if there are none, offer to register the first", async () => {
    network.on("GET /agent", list([]));
    const { user } = open("/agents");
    await user.click(await screen.findByRole("button", { name: "Register the first agent" }));
    expect(await screen.findByRole("dialog", { name: "Register agent" })).toBeInTheDocument();
  });

  test("are searched by the server, as the address says", async () => {
    network.on("GET /agent", ({ query }: Sent) => list(query.get("search") === "mail" ? [] : [agent()]));
    const { user } = open("/agents?page=2");
    await user.type(await screen.findByRole("searchbox", { name: "Search agents" }), " mail ");
    expect(await screen.findByRole("heading", { name: "No agents match" })).toBeVisible();
    expect(screen.getByText("0 found")).toHaveRole("status");
    expect(window.location.search).toBe("?q=mail");
    await user.click(screen.getByRole("button", { name: "Show all agents" }));
    expect(await screen.findByRole("row", { name: /Invoice reader/ })).toBeVisible();
    expect(window.location.search).toBe("");
    expect(screen.getByRole("searchbox")).toHaveValue("");
  });

  test("after a search was cleared from below, keep the focus", async () => {
    network.on("GET /agent", ({ query }: Sent) => list(query.has("search") ? [] : [agent()]));
    const { user } = open("/agents?q=mail");
    await user.click(await screen.findByRole("button", { name: "Show all agents" }));
    await screen.findByRole("row", { name: /Invoice reader/ });
    expect(document.body).not.toHaveFocus();
    await user.tab();
    expect(screen.getByRole("link", { name: "Invoice reader" })).toHaveFocus();
  });

  test("that fail to load show the reason", async () => {
    network.on("GET /agent", failure(503, "unexpected", "The store is unavailable."));
    open("/agents");
    expect(await screen.findByRole("alert")).toHaveTextContent("The store is unavailable.");
    expect(screen.getByRole("button", { name: "Try again" })).toBeInTheDocument();
  });
});

describe("registering an agent", () => {
  const openDialog = async () => {
    const opened = open("/agents");
    await opened.user.click(await screen.findByRole("button", { name: "Register agent" }));
    return { ...opened, dialog: await screen.findByRole("dialog", { name: "Register agent" }) };
  };

  test("requires only a name, and opens the new agent's page", async () => {
    network.on("POST /agent", one(agent()));
    const { user, dialog } = await openDialog();
    await user.type(within(dialog).getByRole("textbox", { name: "Name" }), "Invoice reader");
    await user.click(within(dialog).getByRole("button", { name: "Register agent" }));
    expect(await screen.findByRole("heading", { level: 1, name: "Invoice reader" })).toBeInTheDocument();
    expect(bodiesOf("POST /agent")).toEqual([
      { idempotency_key: expect.any(String), details: { name: "Invoice reader", description: null } },
    ]);
  });

  test("without a name shows the error at the field and sends nothing", async () => {
    const { user, dialog } = await openDialog();
    await user.click(within(dialog).getByRole("button", { name: "Register agent" }));
    expect(within(dialog).getByRole("textbox", { name: "Name" })).toHaveAccessibleDescription(
      "Enter a name.",
    );
  });

  test("shows the server's message at the field", async () => {
    network.on("POST /agent", failure(422, "validation_errors", "No.", { errors: { name: ["Is taken."] } }));
    const { user, dialog } = await openDialog();
    await user.type(within(dialog).getByRole("textbox", { name: "Name" }), "x");
    await user.click(within(dialog).getByRole("button", { name: "Register agent" }));
    await waitFor(() =>
      expect(within(dialog).getByRole("textbox", { name: "Name" })).toHaveAccessibleDescription("Is taken."),
    );
  });
});

describe("the deployments tab", () => {
  test("lists its deployment tokens in all environments", async () => {
    open("/agents/agent-1");
    const row = await screen.findByRole("row", { name: /Agent deployment \(Invoice reader · Production\)/ });
    expect(within(row).getByRole("button", { name: /Actions for/ })).toBeInTheDocument();
    const asked = sent.find((one) => one.route === "GET /api_token");
    expect(asked?.query.get("agent_id")).toBe("agent-1");
    expect(asked?.query.get("token_scope")).toBe("agent_deployment");
  });

  test("creates a token for the chosen environment and shows it once", async () => {
    network.on("POST /api_token", { ...one(deploymentToken()), token: "the-secret" });
    const { user } = open("/agents/agent-1/deployments");
    await user.click(await screen.findByRole("button", { name: "Create deployment token" }));
    await user.click(await screen.findByRole("radio", { name: /Production/ }));
    await user.click(screen.getByRole("button", { name: "Create token" }));
    expect(await screen.findByRole("textbox", { name: "Token value" })).toHaveValue("the-secret");
    const [body] = bodiesOf("POST /api_token") as [{ details: object }];
    expect(body.details).toMatchObject({
      token_scope: "agent_deployment",
      agent_id: "agent-1",
      environment_id: "environment-2",
    });
  });

  test("shows a program for the new token in each language, and a copy of it is enough", async () => {
    network.on("POST /api_token", { ...one(deploymentToken()), token: "the-secret" });
    const { user } = open("/agents/agent-1/deployments");
    await user.click(await screen.findByRole("button", { name: "Create deployment token" }));
    await user.click(await screen.findByRole("radio", { name: /Production/ }));
    await user.click(screen.getByRole("button", { name: "Create token" }));
    const languages = await screen.findByRole("group", { name: "First run" });
    expect(within(languages).getByRole("region", { name: "TypeScript program" })).toHaveTextContent(
      'apiToken: "the-secret"',
    );
    await user.click(within(languages).getByRole("radio", { name: "Python" }));
    const program = within(languages).getByRole("region", { name: "Python program" });
    expect(program).toHaveTextContent('api_token="the-secret"');
    expect(program).toHaveTextContent('agent_id="agent-1"');
    await user.click(within(program).getByRole("button", { name: "Copy Python program" }));
    await user.click(screen.getByRole("button", { name: "Done" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument();
    expect(document.body).not.toHaveTextContent("the-secret");
  });

  test("opens the form of a link, also by the agent's short address", async () => {
    open("/agents/agent-1?create=token");
    expect(await screen.findByRole("dialog", { name: "Create deployment token" })).toBeInTheDocument();
  });

  test("requires an environment before it sends anything", async () => {
    const { user } = open("/agents/agent-1/deployments");
    await user.click(await screen.findByRole("button", { name: "Create deployment token" }));
    await user.click(await screen.findByRole("button", { name: "Create token" }));
    expect(await screen.findByText("Choose an environment.")).toBeInTheDocument();
    expect(screen.getByRole("group", { name: "Environment" })).toHaveAccessibleDescription(
      "Choose an environment.",
    );
    expect(screen.getByRole("radio", { name: /Development/ })).toHaveFocus();
  });

  test("says if the agent does not exist", async () => {
    network.on("GET /agent/:id", failure(404, "not_found", "No such agent."));
    open("/agents/gone/deployments");
    expect(await screen.findByRole("heading", { level: 1, name: "No such agent" })).toBeInTheDocument();
  });

  test("says that it was deleted while it was edited, and keeps the focus on the page", async () => {
    const { client, user } = open("/agents/agent-1/deployments");
    await user.click(await screen.findByRole("button", { name: "Edit" }));
    expect(await screen.findByRole("dialog")).toBeInTheDocument();
    network.on("GET /agent/:id", failure(404, "not_found", "No such agent."));
    await client.refetchQueries({ queryKey: ["agent", "agent-1"] });
    expect(await screen.findByRole("alert")).toHaveTextContent("It may have been deleted.");
    expect(screen.getByRole("main")).toHaveFocus();
  });
});
