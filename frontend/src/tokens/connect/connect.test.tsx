import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { agent } from "../../testing/agent-samples";
import { failure, network, sent, unreachable } from "../../testing/network";
import { open } from "../../testing/render";
import { environments, list, signedIn } from "../../testing/samples";

const address = "/account/api-tokens/connect";
const secret = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhY2NvdW50LTEifQ.c2lnbmF0dXJl";

const passes = () =>
  new Response(null, {
    headers: { "X-Token-Id": "token-1", "X-Token-Scope": "account", "X-Account-Id": "account-1" },
  });

beforeEach(() => {
  network.on("GET /session", signedIn());
  network.on("GET /environment", list(environments));
  network.on("GET /agent", list([agent(), agent({ id: "agent-2", name: "Web search" })]));
  network.on("GET /validate", passes);
});

const file = (name: string) => screen.getByRole("region", { name });

async function tryOut(token: string) {
  const { user, client } = open(address);
  await user.click(await screen.findByLabelText("Token"));
  await user.paste(token);
  await user.click(screen.getByRole("button", { name: "Send test request" }));
  return { user, client };
}

describe("connecting a gateway", () => {
  test("is reached from the API tokens, within the same tab", async () => {
    network.on("GET /api_token", list([]));
    const { user } = open("/account/api-tokens");
    await user.click(await screen.findByRole("link", { name: "Connect" }));
    expect(await screen.findByRole("heading", { name: "Connect a gateway" })).toBeInTheDocument();
    expect(window.location.pathname).toBe(address);
    await waitFor(() => expect(document.title).toBe("Connect a gateway · Tokentab")); // set after the heading is shown
    expect(screen.getByRole("link", { name: "API Tokens" })).toHaveAttribute("aria-current", "page");
    await user.click(screen.getByRole("link", { name: "Back to API tokens" }));
    expect(window.location.pathname).toBe("/account/api-tokens");
  });

  test("starts with a file that accepts only tokens of this account", async () => {
    open(address);
    expect(await screen.findByText("Every active token of Acme passes.")).toBeInTheDocument();
    expect(file("nginx.conf")).toHaveTextContent("/api/v1/validate?account_id=account-1;");
    expect(file("nginx.conf")).toHaveTextContent("server tokentab.test:80;");
  });

  test("writes the choices into each gateway's file, and describes the accepted tokens", async () => {
    const { user } = open(address);
    await user.click(await screen.findByRole("checkbox", { name: "Agent deployment" }));
    await user.click(await screen.findByRole("checkbox", { name: "Production" }));
    await user.click(await screen.findByRole("checkbox", { name: "Invoice reader" }));
    expect(
      screen.getByText("These tokens of Acme pass: agent deployment tokens of Invoice reader in Production."),
    ).toBeInTheDocument();
    const need = "account_id=account-1&scope=agent_deployment&environment_id=environment-2&agent_id=agent-1";
    for (const [gateway, name] of [
      ["nginx", "nginx.conf"],
      ["Caddy", "Caddyfile"],
      ["Traefik", "traefik-dynamic.yml"],
      ["Envoy", "envoy.yaml"],
    ] as const) {
      await user.click(screen.getByRole("radio", { name: gateway }));
      expect(file(name)).toHaveTextContent(need);
    }
    await user.click(screen.getByRole("checkbox", { name: "Invoice reader" }));
    expect(file("envoy.yaml")).not.toHaveTextContent("agent-1");
  });

  test("warns if no token can pass", async () => {
    const { user } = open(address);
    await user.click(await screen.findByRole("checkbox", { name: "Environment" }));
    await user.click(await screen.findByRole("checkbox", { name: "Web search" }));
    expect(screen.getByText(/No token passes/)).toBeInTheDocument();
  });

  test("offers no file while an address is invalid, and shows the error when its field loses the focus", async () => {
    const { user } = open(address);
    const application = await screen.findByRole("textbox", { name: "Application" });
    await user.clear(application);
    await user.type(application, "10.0.0.7; return 200");
    expect(screen.getByRole("button", { name: "Download nginx.conf" })).toBeDisabled();
    expect(screen.getByRole("button", { name: "Copy nginx.conf" })).toBeDisabled();
    expect(file("nginx.conf")).not.toHaveTextContent("10.0.0.7");
    expect(application).toBeValid();
    await user.tab();
    expect(application).toBeInvalid();
    expect(screen.getByText("Enter a host and a port, such as 10.0.0.5:9000.")).toBeInTheDocument();

    await user.clear(application);
    await user.type(application, "10.0.0.7:3000");
    await user.tab();
    expect(application).toBeValid();
    expect(screen.getByRole("button", { name: "Download nginx.conf" })).toBeEnabled();
    expect(file("nginx.conf")).toHaveTextContent("server 10.0.0.7:3000;");
  });

  test("copies the file as it is shown", async () => {
    const { user } = open(address);
    const write = vi.fn(async (_: string) => {});
    vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText: write } });
    await user.click(await screen.findByRole("button", { name: "Copy nginx.conf" }));
    expect(await within(file("nginx.conf")).findByRole("status")).toHaveTextContent("Copied");
    expect(write.mock.calls[0]?.[0]).toBe(file("nginx.conf").querySelector("code")?.textContent);
    vi.unstubAllGlobals();
  });

  test("finds one of many agents, keeps chosen ones visible, and omits retired ones", async () => {
    const many = Array.from({ length: 12 }, (_, at) => agent({ id: `agent-${at}`, name: `Worker ${at}` }));
    network.on("GET /agent", list([agent({ id: "old", name: "Worker old", status: "retired" }), ...many]));
    const { user } = open(address);
    await user.click(await screen.findByRole("checkbox", { name: "Worker 3" }));
    expect(screen.queryByRole("checkbox", { name: "Worker old" })).not.toBeInTheDocument();
    await user.type(screen.getByRole("searchbox", { name: "Find agents" }), "ER 11");
    const shown = within(screen.getByRole("group", { name: /^Agents/ })).getAllByRole("checkbox");
    expect(shown.map((box) => box.parentElement?.textContent)).toEqual(["Worker 3", "Worker 11"]);
  });

  test("requires a deleted environment until it is unticked", async () => {
    const { user, client } = open(address);
    await user.click(await screen.findByRole("checkbox", { name: "Production" }));
    network.on("GET /environment", list(environments.slice(0, 1)));
    await client.invalidateQueries({ queryKey: ["environments"] });
    const group = within(screen.getByRole("group", { name: /^Environments/ }));
    const names = () => group.getAllByRole("checkbox").map((box) => box.parentElement?.textContent);
    await waitFor(() => expect(names()).toEqual(["Production", "Development"]));
    expect(file("nginx.conf")).toHaveTextContent("environment_id=environment-2");
    await user.click(screen.getByRole("checkbox", { name: "Production" }));
    expect(names()).toEqual(["Development"]);
    expect(file("nginx.conf")).not.toHaveTextContent("environment_id=");
  });

  test("says if there is nothing to choose", async () => {
    network.on("GET /environment", list([]));
    network.on("GET /agent", list([]));
    open(address);
    expect(await screen.findByText("There are no environments yet.")).toBeInTheDocument();
    expect(await screen.findByText("There are no agents yet.")).toBeInTheDocument();
  });

  test("shows why the agents failed to load, and loads them on another try", async () => {
    network.on("GET /agent", failure(503, "unexpected", "The store is unavailable."));
    const { user } = open(address);
    expect(await screen.findByRole("alert")).toHaveTextContent("The store is unavailable.");
    network.on("GET /agent", list([agent()]));
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("checkbox", { name: "Invoice reader" })).toBeInTheDocument();
  });
});

describe("a test request", () => {
  const asked = () => sent.filter(({ route }) => route === "GET /validate");

  test("sends the token and the requirements without the session, and shows the identity", async () => {
    await tryOut(`  ${secret} `);
    expect(await screen.findByText("Passes")).toBeInTheDocument();
    const names = screen.getAllByRole("term").map(({ textContent }) => textContent);
    const values = screen.getAllByRole("definition").map(({ textContent }) => textContent);
    expect(Object.fromEntries(names.map((name, at) => [name, values[at]]))).toEqual({
      "X-Token-Id": "token-1",
      "X-Token-Scope": "account",
      "X-Account-Id": "account-1",
      "X-Environment-Id": "empty",
      "X-Agent-Id": "empty",
      "X-Agent-Deployment-Id": "empty",
      "X-Token-Expires-At": "empty",
    });
    expect(asked()).toHaveLength(1);
    expect(asked()[0]?.headers.get("Authorization")).toBe(`Bearer ${secret}`);
    expect(asked()[0]?.credentials).toBe("omit");
    expect(asked()[0]?.query.toString()).toBe("account_id=account-1");
  });

  test.each([
    [401, "bad_authtoken", "Token suspended."],
    [403, "not_permitted", "This token does not satisfy the requirements of this request."],
  ])(
    "that is refused with %i says so in the server’s words, and signs nobody out",
    async (status, code, message) => {
      network.on("GET /validate", failure(status, code, message));
      await tryOut(secret);
      expect(await screen.findByText("Refused")).toBeInTheDocument();
      expect(screen.getByText(new RegExp(message))).toHaveTextContent(`The caller gets ${status} ${code}.`);
      expect(screen.queryByRole("term")).not.toBeInTheDocument();
    },
  );

  test.each([
    [failure(503, "unexpected", "The store does not answer."), "The store does not answer."],
    [unreachable, "Tokentab can’t be reached."],
  ])("without a verdict does not pass", async (answer, words) => {
    network.on("GET /validate", answer);
    await tryOut(secret);
    expect(await screen.findByRole("alert")).toHaveTextContent(words);
    expect(screen.getByRole("alert")).toHaveTextContent("gateways refuse every request");
    expect(screen.queryByText("Passes")).not.toBeInTheDocument();
  });

  test("passes only with 200", async () => {
    network.on("GET /validate", () => new Response(null, { status: 204 }));
    await tryOut(secret);
    expect(await screen.findByRole("alert")).toBeInTheDocument();
    expect(screen.queryByText("Passes")).not.toBeInTheDocument();
  });

  test("shows its result only for the requirements that it sent", async () => {
    const { user } = await tryOut(secret);
    expect(await screen.findByText("Passes")).toBeInTheDocument();
    await user.click(screen.getByRole("checkbox", { name: "Environment" }));
    expect(screen.queryByText("Passes")).not.toBeInTheDocument();
  });

  test("is sent only with a possible token", async () => {
    const { user } = open(address);
    await user.click(await screen.findByRole("button", { name: "Send test request" }));
    const field = screen.getByLabelText("Token");
    expect(screen.getByText("Enter a token.")).toBeInTheDocument();
    expect(field).toHaveFocus();
    await user.type(field, "tökén");
    expect(screen.queryByText("Enter a token.")).not.toBeInTheDocument();
    await user.keyboard("{Enter}");
    expect(screen.getByText("A token has no spaces or special characters.")).toBeInTheDocument();
    expect(asked()).toEqual([]);
  });

  test("keeps the token only in its field, which forgets it", async () => {
    network.on("GET /api_token", list([]));
    const { user, client } = await tryOut(secret);
    expect(await screen.findByText("Passes")).toBeInTheDocument();
    expect(screen.getByLabelText("Token")).toHaveValue(secret);
    expect(document.body.innerHTML).not.toContain(secret);
    const kept = [...client.getQueryCache().getAll(), ...client.getMutationCache().getAll()];
    expect(JSON.stringify(kept.map(({ state }) => state))).not.toContain(secret);
    await user.click(screen.getByRole("link", { name: "Back to API tokens" }));
    await user.click(await screen.findByRole("link", { name: "Connect" }));
    await waitFor(() => expect(screen.getByLabelText("Token")).toHaveValue(""));
  });

  test("is shown as a shell command, without the token", async () => {
    await tryOut(secret);
    const line = file("Same request with curl").querySelector("code");
    expect(line).toHaveTextContent(
      'curl -i -H "Authorization: Bearer $TOKEN" \\ "http://tokentab.test/api/v1/validate?account_id=account-1"',
    );
  });
});
