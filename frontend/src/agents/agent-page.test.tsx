import { act, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { drawn } from "../requests";
import { agent, deployment, version } from "../testing/agent-samples";
import { bodiesOf, failure, network, sent } from "../testing/network";
import { expectMessage, open } from "../testing/render";
import { list, one, signedIn } from "../testing/samples";
import type { Agent } from "../wire";

const address = "/agents/agent-1/deployments";
const retired = agent({
  status: "retired",
  available_actions: { update: true, retire: false, reinstate: true, delete: true },
});

let stored: Agent;

beforeEach(() => {
  stored = agent();
  network.on("GET /session", signedIn());
  network.on("GET /agent", () => list([stored]));
  network.on("GET /agent/:id", () => one(stored));
  network.on("GET /environment", list([]));
  network.on("GET /agent_deployment", list([]));
  network.on("GET /agent_version", list([]));
  network.on("GET /api_token", list([]));
});

async function choose(user: ReturnType<typeof open>["user"], action: string) {
  await user.click(await screen.findByRole("button", { name: "Actions for Invoice reader" }));
  await user.click(await screen.findByRole("menuitem", { name: action }));
}

test("the list shows when each agent was last seen", async () => {
  network.on("GET /agent", list([agent(), agent({ id: "agent-2", name: "New one", last_seen_at: null })]));
  open("/agents");
  expect(await screen.findByRole("row", { name: /Invoice reader/ })).toHaveTextContent("2 hours ago");
  expect(screen.getByRole("row", { name: /New one/ })).toHaveTextContent("Never");
});

test.each(["/agents", address])(
  "%s tells how exact that is: the server writes it once a minute",
  async (page) => {
    open(page);
    for (const time of await screen.findAllByRole("button", { name: "2 hours ago" }))
      expect(time).toHaveAccessibleDescription(/\(±1 min\)$/);
  },
);

test("a last-seen time in the future shows as unknown", async () => {
  const ahead = new Date(Date.now() + 14 * 365 * 86_400_000).toISOString();
  network.on("GET /agent", list([agent({ status: "dormant", last_seen_at: ahead })]));
  open("/agents");
  expect(await screen.findByRole("row", { name: /Invoice reader/ })).toHaveTextContent("Last seen Unknown");
});

describe("an agent", () => {
  test("shows status, times and an id to copy above both of its tabs", async () => {
    const { user } = open(address);
    await screen.findByRole("heading", { level: 1, name: "Invoice reader" });
    await screen.findByRole("heading", { name: "No deployment tokens yet" });
    const check = () => {
      expect(screen.getByText("Reads invoices.")).toBeInTheDocument();
      expect(screen.getByText("Active")).toBeInTheDocument();
      expect(screen.getByText(/Registered/, { selector: "span" })).toHaveTextContent("20 days ago");
      expect(screen.getByText(/Last updated/, { selector: "span" })).toHaveTextContent("1 day ago");
      expect(screen.getByRole("button", { name: "Copy agent ID" })).toBeInTheDocument();
    };
    check();
    await user.click(screen.getByRole("link", { name: "Versions" }));
    await waitFor(() => expect(window.location.pathname).toBe("/agents/agent-1/versions"));
    expect(await screen.findByRole("link", { name: "Versions", current: "page" })).toBeInTheDocument();
    check();
  });

  test("is edited in one dialog", async () => {
    network.on("PUT /agent/:id", () => {
      stored = agent({ name: "Bill reader", description: null });
      return one(stored);
    });
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Edit" }));
    const dialog = await screen.findByRole("dialog", { name: "Edit agent" });
    await user.clear(within(dialog).getByRole("textbox", { name: "Name" }));
    await user.type(within(dialog).getByRole("textbox", { name: "Name" }), "Bill reader");
    await user.clear(within(dialog).getByRole("textbox", { name: /Description/ }));
    await user.click(within(dialog).getByRole("button", { name: "Save changes" }));
    expect(await screen.findByRole("heading", { level: 1, name: "Bill reader" })).toBeInTheDocument();
    expect(bodiesOf("PUT /agent/:id")).toEqual([{ details: { name: "Bill reader", description: null } }]);
    await waitFor(() => expect(screen.getByRole("button", { name: "Edit" })).toHaveFocus());
  });
});

describe("retiring", () => {
  test("asks first, tells how many tokens were suspended, and prevents new ones", async () => {
    network.on("POST /agent/:id/retire", () => {
      stored = retired;
      return { ...one(stored), suspended_api_token_count: 2 };
    });
    const { user } = open(address);
    await choose(user, "Retire");
    const question = await screen.findByRole("alertdialog", { name: "Retire this agent?" });
    expect(question).toHaveTextContent("All active deployment tokens of Invoice reader are suspended");
    await user.click(within(question).getByRole("button", { name: "Retire agent" }));
    await expectMessage("Invoice reader retired. 2 tokens suspended.");
    expect(screen.getByRole("button", { name: "Create deployment token" })).toBeDisabled();
    expect(screen.getByText(/This agent is retired/)).toBeInTheDocument();
    await waitFor(() =>
      expect(screen.getByRole("button", { name: "Actions for Invoice reader" })).toHaveFocus(),
    );
  });

  test("of an undeployed agent says how to deploy it", async () => {
    open(address);
    expect(await screen.findByText(/Creating a deployment token deploys it/)).toBeVisible();
  });

  test("of a retired agent does not suggest to create a token", async () => {
    stored = retired;
    open(address);
    expect(await screen.findByText("Not deployed in any environment.")).toBeVisible();
    expect(screen.queryByText(/deploys it/)).not.toBeInTheDocument();
  });

  test("is undone at once, with the number of activated tokens", async () => {
    stored = retired;
    network.on("POST /agent/:id/reinstate", () => {
      stored = agent();
      return { ...one(stored), activated_api_token_count: 1 };
    });
    const { user } = open(address);
    await choose(user, "Reinstate");
    await expectMessage("Invoice reader reinstated. 1 token activated.");
    expect(screen.getByRole("button", { name: "Create deployment token" })).toBeEnabled();
  });

  test("keeps the menu busy until the answer to a reinstatement", async () => {
    stored = retired;
    let answer = () => {};
    network.on(
      "POST /agent/:id/reinstate",
      () =>
        new Promise((resolve) => (answer = () => resolve({ ...one(agent()), activated_api_token_count: 0 }))),
    );
    const { user } = open(address);
    await choose(user, "Reinstate");
    const menu = screen.getByRole("button", { name: "Actions for Invoice reader" });
    await waitFor(() => expect(menu).toHaveAttribute("aria-busy", "true"));
    expect(screen.getByText(/^Reinstating/)).toHaveAttribute("role", "status");
    answer();
    await waitFor(() => expect(menu).not.toHaveAttribute("aria-busy"));
  });

  test("reports that it was done already", async () => {
    stored = retired;
    network.on("POST /agent/:id/reinstate", failure(409, "invalid_action", "Not retired."));
    const { user } = open(address);
    await choose(user, "Reinstate");
    await expectMessage(/changed in the meantime/);
  });
});

describe("deleting an agent", () => {
  test("with active tokens requires a tick, revokes them, and returns to the list", async () => {
    network.on("GET /agent_deployment", list([deployment({ live_api_token_count: 2 })]));
    network.on("DELETE /agent/:id", () => {
      network.on("GET /agent/:id", failure(404, "not_found", "No such agent."));
      return { ...one(stored), revoked_api_token_count: 2 };
    });
    const { user } = open(address);
    await choose(user, "Delete");
    const question = await screen.findByRole("alertdialog", { name: "Delete this agent?" });
    expect(question).toHaveTextContent("with its versions and 1 deployment");
    const yes = within(question).getByRole("button", { name: "Delete agent" });
    expect(yes).toBeDisabled();
    await user.click(within(question).getByRole("checkbox", { name: "Revoke its 2 tokens and delete" }));
    await user.click(yes);
    expect(await screen.findByRole("heading", { level: 1, name: "Agents" })).toBeInTheDocument();
    const asked = sent.find(({ route }) => route === "DELETE /agent/:id");
    expect(asked?.query.size).toBe(0);
    await expectMessage("Invoice reader deleted. 2 tokens revoked.");
  });

  test("is told of although the page hears before the answer that the agent is gone", async () => {
    let answer: (one: unknown) => void = () => {};
    network.on("DELETE /agent/:id", () => new Promise((resolve) => (answer = resolve)));
    const { client, user } = open(address);
    await choose(user, "Delete");
    const yes = await screen.findByRole("button", { name: "Delete agent" });
    await waitFor(() => expect(yes).toBeEnabled());
    await user.click(yes);
    network.on("GET /agent/:id", failure(404, "not_found", "No such agent."));
    await act(async () => {
      await client.refetchQueries({ queryKey: ["agent", "agent-1"] });
      await drawn();
    });
    expect(screen.getByRole("alertdialog")).toBeInTheDocument();
    answer({ ...one(stored), revoked_api_token_count: 0 });
    expect(await screen.findByRole("heading", { level: 1, name: "Agents" })).toBeInTheDocument();
    await expectMessage("Invoice reader deleted.");
  });

  test("whose tokens could not be counted counts them again on another try", async () => {
    network.on("GET /agent_deployment", failure(503, "unexpected", "The store is unavailable."));
    const { user } = open("/agents/agent-1/versions");
    await choose(user, "Delete");
    const question = await screen.findByRole("alertdialog");
    expect(await within(question).findByRole("alert")).toHaveTextContent("could not be counted");
    expect(within(question).getByRole("button", { name: "Delete agent" })).toBeDisabled();
    network.on("GET /agent_deployment", list([]));
    await user.click(within(question).getByRole("button", { name: "Try again" }));
    expect(await within(question).findByText("It has no active tokens.")).toBeVisible();
    expect(within(question).getByRole("button", { name: "Delete agent" })).toBeEnabled();
  });

  test("without active tokens asks a plain question", async () => {
    network.on("DELETE /agent/:id", () => ({ ...one(stored), revoked_api_token_count: 0 }));
    const { user } = open(address);
    await choose(user, "Delete");
    const question = await screen.findByRole("alertdialog");
    expect(within(question).queryByRole("checkbox")).not.toBeInTheDocument();
    await waitFor(() => expect(within(question).getByRole("button", { name: "Delete agent" })).toBeEnabled());
    await user.click(within(question).getByRole("button", { name: "Delete agent" }));
    expect(await screen.findByRole("heading", { level: 1, name: "Agents" })).toBeInTheDocument();
    const asked = sent.find(({ route }) => route === "DELETE /agent/:id");
    expect(asked?.query.get("if_unused")).toBe("true");
    await expectMessage("Invoice reader deleted.");
  });
});

describe("the deployment snapshot", () => {
  test("names each environment with a deployment, its version or none, and when it changed", async () => {
    network.on(
      "GET /agent_deployment",
      list([
        deployment({ current_version_id: "version-1", current_version_identifier: "1.4.0" }),
        deployment({ id: "deployment-2", environment_id: "environment-1", environment_name: "Development" }),
      ]),
    );
    open(address);
    const snapshot = await screen.findByRole("region", { name: "Deployed in" });
    const [first, second] = await within(snapshot).findAllByRole("listitem");
    expect(first).toHaveTextContent("Production1.4.0Last updated 10 days ago");
    expect(second).toHaveTextContent("DevelopmentNo version");
  });

  test("says that there is none, or why it failed to load", async () => {
    const { client } = open(address);
    expect(await screen.findByText(/Not deployed in any environment yet/)).toBeInTheDocument();
    network.on("GET /agent_deployment", failure(503, "unexpected", "The store is unavailable."));
    await client.refetchQueries({ queryKey: ["deployments"] });
    expect(await screen.findByRole("alert")).toHaveTextContent(
      /could not be loaded. The store is unavailable/,
    );
  });
});

describe("the versions", () => {
  test("show identifier, ID, time of registration and deployments", async () => {
    network.on("GET /agent_deployment", list([deployment({ current_version_id: "version-1" })]));
    network.on(
      "GET /agent_version",
      list([
        version({ current_agent_deployment_refs: ["deployment-1"] }),
        version({ id: "version-2", external_identifier: "1.3.0" }),
      ]),
    );
    open("/agents/agent-1/versions");
    const row = await screen.findByRole("row", { name: /1\.4\.0/ });
    expect(row).toHaveTextContent("version-1");
    expect(row).toHaveTextContent("4 days ago");
    await waitFor(() => expect(within(row).getAllByRole("cell").at(-1)).toHaveTextContent("Production"));
    expect(screen.getByRole("row", { name: /1\.3\.0/ })).toHaveTextContent("Not deployed");
    expect(sent.find(({ route }) => route === "GET /agent_version")?.query.get("agent_id")).toBe("agent-1");
  });

  test("if there are none, tell how to register the first", async () => {
    open("/agents/agent-1/versions");
    expect(await screen.findByRole("heading", { name: "No versions yet" })).toBeInTheDocument();
    expect(screen.getByRole("textbox", { name: "Register a version" })).toHaveValue(
      "prefactor agent_versions create --agent_id agent-1 --external_identifier 1.0.0",
    );
  });
});
