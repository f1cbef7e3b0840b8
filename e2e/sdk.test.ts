import { createConfig, createCore, SpanType, withSpan } from "@prefactor/core";
import type { Api, Created } from "./api";
import { expect, test } from "./fixtures";

interface Instance {
  id: string;
  agent_id: string;
  api_token_id: string;
  status: string;
  termination_reason: string | null;
  span_counts: Record<string, number>;
}

interface Span {
  id: string;
  parent_span_id: string | null;
  schema_name: string;
  status: string;
  payload: { name: string };
}

const scopes = ["account", "agent_deployment"] as const;

for (const scope of scopes) {
  test(`a run of the official SDK with a token of scope ${scope} ends well`, async ({ api }) => {
    const { agent, token, secret } = await prepare(api, scope);
    const sdk = start(api, secret, agent);
    await withSpan(sdk.tracer, span("run", SpanType.AGENT), async () => {
      await Promise.all(
        ["first", "second", "third"].map((name) =>
          withSpan(sdk.tracer, span(name, SpanType.LLM), async () => ({ text: name })),
        ),
      );
      await withSpan(sdk.tracer, span("outer", SpanType.CHAIN), () =>
        withSpan(sdk.tracer, span("inner", SpanType.TOOL), async () => "done"),
      );
      const failing = withSpan(sdk.tracer, span("failing", SpanType.TOOL), () => {
        throw new Error("The tool failed.");
      });
      await expect(failing).rejects.toThrow("The tool failed.");
    });
    sdk.agentManager.finishInstance();
    await sdk.shutdown();

    expect(sdk.complaints()).toEqual([]);
    const [instance, ...others] = await api.list<Instance>(`/agent_instance?agent_id=${agent}`);
    expect(others).toEqual([]);
    expect(instance).toMatchObject({ agent_id: agent, api_token_id: token, status: "complete" });
    expect(instance?.span_counts).toMatchObject({ total: 7, complete: 6, failed: 1, active: 0 });

    const spans = await api.list<Span>(`/agent_spans?agent_instance_id=${instance?.id}`);
    const named = new Map(spans.map((one) => [one.payload.name, one]));
    expect([...named.keys()].sort()).toEqual([
      "failing",
      "first",
      "inner",
      "outer",
      "run",
      "second",
      "third",
    ]);
    const parents = Object.fromEntries(
      [...named].map(([name, one]) => [
        name,
        spans.find(({ id }) => id === one.parent_span_id)?.payload.name,
      ]),
    );
    expect(parents).toEqual({
      run: undefined,
      first: "run",
      second: "run",
      third: "run",
      outer: "run",
      inner: "outer",
      failing: "run",
    });
    expect(named.get("failing")?.status).toBe("failed");
    expect(named.get("run")?.status).toBe("complete");
    const used = await api.list<{ id: string; last_used_at: string | null }>("/api_token");
    expect(used.find(({ id }) => id === token)?.last_used_at).not.toBeNull();
  });
}

test("a run of the official SDK goes on after its token was suspended and activated", async ({ api }) => {
  const { agent, token, secret } = await prepare(api, "agent_deployment");
  const sdk = start(api, secret, agent);
  await withSpan(sdk.tracer, span("before", SpanType.LLM), async () => "done");
  await expect.poll(() => spanNames(api, agent)).toEqual(["before"]);

  await api.act(`/api_token/${token}/suspend`);
  await withSpan(sdk.tracer, span("refused", SpanType.LLM), async () => "done");
  await expect.poll(sdk.complaints).toEqual([expect.stringContaining("401")]);

  await api.act(`/api_token/${token}/activate`);
  await withSpan(sdk.tracer, span("after", SpanType.LLM), async () => "done");
  sdk.agentManager.finishInstance();
  await sdk.shutdown();
  expect(sdk.complaints()).toHaveLength(1);
  expect(await spanNames(api, agent)).toEqual(["before", "after"]);
});

test("a run of the official SDK ends well although its instance was terminated", async ({ api }) => {
  const { agent, secret } = await prepare(api, "agent_deployment");
  const sdk = start(api, secret, agent);
  await withSpan(sdk.tracer, span("before", SpanType.LLM), async () => "done");
  await expect.poll(() => spanNames(api, agent)).toEqual(["before"]);

  const [running] = await api.list<Instance>(`/agent_instance?agent_id=${agent}`);
  await api.act(`/agent_instance/${running?.id}/terminate`, { reason: "It took too long." });
  await withSpan(sdk.tracer, span("after", SpanType.LLM), async () => "done");
  sdk.agentManager.finishInstance();
  await sdk.shutdown();
  expect(sdk.complaints()).toEqual([]);
  expect(await api.list<Instance>(`/agent_instance?agent_id=${agent}`)).toMatchObject([
    { id: running?.id, status: "terminated", termination_reason: "It took too long." },
  ]);
});

/** Sets the account up, with an agent in Development and a token. */
async function prepare(api: Api, scope: (typeof scopes)[number]) {
  await api.setUp();
  const agent = await api.create<{ details: { id: string } }>("/agent", { name: "Invoice reader" });
  const agent_id = agent.details.id;
  const environment_id = await api.environmentId("Development");
  await api.create("/agent_deployment", { agent_id, environment_id });
  const names = scope === "account" ? {} : { agent_id, environment_id };
  const { details, token } = await api.create<Created>("/api_token", { token_scope: scope, ...names });
  return { agent: agent_id, token: details.id, secret: token };
}

function span(name: string, spanType: SpanType) {
  return { name, spanType, inputs: { prompt: name } };
}

/** Starts the SDK as an application does, and a run with it. `complaints` is what it has logged as errors. */
function start(api: Api, secret: string, agent: string) {
  const logged: string[] = [];
  const log = console.error;
  console.error = (...words) => logged.push(words.map(String).join(" "));
  const sdk = createCore(
    createConfig({
      httpConfig: {
        apiUrl: api.origin,
        apiToken: secret,
        agentId: agent,
        agentIdentifier: "1.0.0",
        initialRetryDelay: 1,
      },
    }),
  );
  const types = [SpanType.AGENT, SpanType.LLM, SpanType.TOOL, SpanType.CHAIN];
  sdk.agentManager.registerSchema({
    external_identifier: "runs",
    span_schemas: Object.fromEntries(types.map((type) => [type, { type: "object" }])),
    span_result_schemas: {},
  });
  sdk.agentManager.startInstance();
  return {
    ...sdk,
    complaints: () => logged,
    shutdown: async () => {
      await sdk.shutdown();
      console.error = log;
    },
  };
}

async function spanNames(api: Api, agent: string): Promise<string[]> {
  const [instance] = await api.list<Instance>(`/agent_instance?agent_id=${agent}`);
  if (!instance) return [];
  const spans = await api.list<Span>(`/agent_spans?agent_instance_id=${instance.id}`);
  return spans.map((one) => one.payload.name);
}
