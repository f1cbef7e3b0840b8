import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { activity, agent, deployment, instance } from "../testing/agent-samples";
import { bodiesOf, failure, network, sent } from "../testing/network";
import { expectMessage, open } from "../testing/render";
import { environments, list, one, signedIn } from "../testing/samples";

const address = "/agents/agent-1/instances";

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /agent/:id", one(agent()));
  network.on("GET /agent_deployment", list([deployment()]));
  network.on("GET /environment", list(environments));
  network.on("GET /api_token", list([]));
});

const queries = () => sent.filter(({ route }) => route === "GET /agent_instance").map(({ query }) => query);

describe("the instances of an agent", () => {
  test("show status, start, duration, version, environment and token", async () => {
    network.on(
      "GET /agent_instance",
      list([
        instance({ id: "run-00000001" }),
        instance({ id: "run-00000002", status: "active", purpose: "smoke_test", api_token_hint: null }),
        instance({
          id: "run-00000003",
          status: "cancelled",
          started_at: null,
          api_token_name: null,
          api_token_hint: null,
        }),
      ]),
    );
    open(address);
    const row = await screen.findByRole("row", { name: /00000001/ });
    for (const text of ["Complete", "Started 5 minutes ago", "3 min 20 s", "1.4.0", "Production"])
      expect(row).toHaveTextContent(text);
    expect(within(row).getByRole("link", { name: "Instance …00000001" })).toHaveAttribute(
      "href",
      "/agents/agent-1/instances/run-00000001",
    );
    for (const link of within(row).getAllByRole("link", { name: "On the server" }))
      expect(link).toHaveAttribute("href", "/account/api-tokens/token-2");
    const running = screen.getByRole("row", { name: /00000002/ });
    expect(running).toHaveTextContent(/Active.*Smoke test.*5 min( \d s)? so far/);
    expect(running, "an imported token has a name, but no characters").toHaveTextContent("On the server");
    const never = screen.getByRole("row", { name: /00000003/ });
    expect(never).toHaveTextContent(/Cancelled.*Registered 5 minutes ago.*Not started/);
    expect(never).toHaveTextContent("Deleted token");
    expect(queries()[0]?.get("agent_id")).toBe("agent-1");
  });

  test.each(["10000-01-01T00:59:59.000Z", "9999-12-31T23:59:59.000Z"])(
    "are listed although they started at %s",
    async (started_at) => {
      network.on(
        "GET /agent_instance",
        list([
          instance({ id: "run-00000001", status: "active", started_at }),
          instance({ id: "run-00000002", started_at }),
        ]),
      );
      open(address);
      for (const name of [/00000001/, /00000002/])
        expect(await screen.findByRole("row", { name })).toHaveTextContent(/Started Unknown.*Unknown/);
    },
  );

  test("are filtered by status and environment, in the address", async () => {
    network.on("GET /agent_instance", ({ query }: { query: URLSearchParams }) =>
      list(query.has("status") ? [] : [instance()]),
    );
    const { user } = open(address);
    await screen.findByRole("row", { name: /Complete/ });
    await user.selectOptions(screen.getByRole("combobox", { name: "Environment" }), "Production");
    await user.selectOptions(screen.getByRole("combobox", { name: "Status" }), "Failed");
    expect(await screen.findByRole("heading", { name: "No instances match" })).toBeInTheDocument();
    expect(window.location.search).toBe("?env=environment-2&status=failed");
    expect(queries().at(-1)?.get("environment_id")).toBe("environment-2");
    await user.click(screen.getByRole("button", { name: "Clear filters" }));
    expect(await screen.findByRole("row", { name: /Complete/ })).toBeInTheDocument();
    expect(window.location.search).toBe("");
  });

  test("if there are none, lead to a deployment token", async () => {
    const { user } = open(address);
    expect(await screen.findByRole("heading", { name: "No instances yet" })).toBeInTheDocument();
    expect(screen.queryByRole("combobox", { name: "Status" })).not.toBeInTheDocument();
    await user.click(screen.getByRole("link", { name: "Create deployment token" }));
    expect(await screen.findByRole("dialog", { name: "Create deployment token" })).toBeInTheDocument();
    expect(window.location.pathname + window.location.search).toBe("/agents/agent-1/deployments");
  });

  test("of a retired agent don’t suggest a token", async () => {
    network.on("GET /agent/:id", one(agent({ status: "retired" })));
    open(address);
    expect(await screen.findByText(/is retired. Reinstate it to run it/)).toBeInTheDocument();
    expect(screen.queryByRole("link", { name: "Create deployment token" })).not.toBeInTheDocument();
  });

  test("say why they failed to load", async () => {
    network.on("GET /agent_instance", failure(503, "unexpected", "The store is unavailable."));
    open(address);
    expect(await screen.findByText(/The store is unavailable/)).toBeInTheDocument();
  });
});

describe("terminating an instance", () => {
  beforeEach(() => network.on("GET /agent_instance", list([instance({ status: "active" })])));

  async function ask(user: ReturnType<typeof open>["user"]) {
    await user.click(await screen.findByRole("button", { name: /^Actions for Instance/ }));
    await user.click(await screen.findByRole("menuitem", { name: "Terminate" }));
    return within(await screen.findByRole("dialog", { name: "Terminate this instance?" }));
  }

  test("needs a reason, and returns the focus to its row", async () => {
    network.on("POST /agent_instance/:id/terminate", () => {
      network.on("GET /agent_instance", list([instance({ status: "terminated" })]));
      return one(instance({ status: "terminated" }));
    });
    const { user } = open(address);
    const dialog = await ask(user);
    await user.click(dialog.getByRole("button", { name: "Terminate instance" }));
    expect(dialog.getByText("Enter a reason.")).toBeInTheDocument();
    await user.type(dialog.getByRole("textbox", { name: "Reason" }), " Wrong invoices {Enter}");
    await expectMessage("Instance …stance-1 terminated.");
    expect(bodiesOf("POST /agent_instance/:id/terminate")).toEqual([{ reason: "Wrong invoices" }]);
    expect(await screen.findByRole("row", { name: /Terminated/ })).toBeInTheDocument();
    await waitFor(() => expect(screen.getByRole("button", { name: /^Actions for Instance/ })).toHaveFocus());
  });

  test("that ended in the meantime says so", async () => {
    network.on(
      "POST /agent_instance/:id/terminate",
      failure(409, "invalid_action", "This instance has already ended."),
    );
    const { user } = open(address);
    const dialog = await ask(user);
    await user.type(dialog.getByRole("textbox", { name: "Reason" }), "Wrong{Enter}");
    expect(await dialog.findByRole("alert")).toHaveTextContent("already ended");
  });
});

describe("the last 24 hours of an agent", () => {
  const chart = async () =>
    within(await screen.findByRole("region", { name: "Instances of the last 24 hours" }));

  test("are drawn by status, with the numbers as text and as a table", async () => {
    network.on("GET /agent/:id/activity", one(activity({ complete: 1_203, failed: 1 })));
    const { user } = open("/agents/agent-1/versions");
    network.on("GET /agent_version", list([]));
    const region = await chart();
    expect(await region.findByText("1,204 instances in 24 hours")).toBeInTheDocument();
    expect(region.getByText("1,203 complete")).toBeInTheDocument();
    expect(region.queryByText(/cancelled/)).not.toBeInTheDocument();
    const rows = region.getAllByRole("row").map((row) => row.textContent);
    expect(rows).toEqual(["HourCompleteFailed", expect.stringMatching(/1,2031$/)]);
    await user.click(region.getByRole("button", { name: "Show as table" }));
    expect(region.getByRole("region", { name: "Instances as a table" })).toBeVisible();
  });

  test("without instances, or without an answer, say so", async () => {
    const { client } = open(address);
    const region = await chart();
    expect(await region.findByText("No instances in 24 hours")).toBeInTheDocument();
    network.on("GET /agent/:id/activity", failure(503, "unexpected", "The store is unavailable."));
    await client.refetchQueries({ queryKey: ["activity"] });
    expect(await region.findByRole("alert")).toHaveTextContent("The store is unavailable.");
    expect(region.getByText("No instances in 24 hours")).toBeInTheDocument();
  });
});
