// Drives every group of the API over HTTP as the command line client does, in its order, and checks what that client
// reads. Needs PREFACTOR_API_URL and PREFACTOR_API_TOKEN, an account token of a fresh installation:
//
//   PREFACTOR_API_URL=http://127.0.0.1:8080 PREFACTOR_API_TOKEN=… node e2e/contract.mjs
import assert from "node:assert/strict";

const origin = new URL(process.env.PREFACTOR_API_URL ?? "http://127.0.0.1:8080").origin;
const token = process.env.PREFACTOR_API_TOKEN;
assert(token, "PREFACTOR_API_TOKEN is not set");

/** Sends a request as the client does, with a JSON content type only if there is a body. */
async function send(method, path, { body, query, bearer = token } = {}) {
  const url = new URL(`/api/v1${path}`, origin);
  for (const [key, value] of Object.entries(query ?? {})) url.searchParams.set(key, value);
  const headers = { Authorization: `Bearer ${bearer}`, "X-Prefactor-SDK": "contract@1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(url, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const answer = text === "" ? null : JSON.parse(text);
  return { status: response.status, answer };
}

async function one(method, path, options) {
  const { status, answer } = await send(method, path, options);
  assert.equal(status, 200, `${method} ${path}: ${status} ${JSON.stringify(answer)}`);
  assert.equal(answer.status, "success");
  assert(
    answer.details && typeof answer.details === "object" && !Array.isArray(answer.details),
    `${path} has details`,
  );
  return answer;
}

const paginationKeys = [
  "item_count",
  "item_start",
  "item_end",
  "page_count",
  "page_index",
  "page_offset",
  "page_size",
  "next_page_offset",
  "previous_page_offset",
];

async function list(path, query) {
  const { status, answer } = await send("GET", path, { query: { ...query, unknown_key: "ignored" } });
  assert.equal(status, 200, `GET ${path}: ${status} ${JSON.stringify(answer)}`);
  assert(Array.isArray(answer.summaries), `${path} has summaries`);
  assert(!("details" in answer), `${path} has no details`);
  for (const key of paginationKeys) assert(key in answer.pagination, `${path}: pagination has ${key}`);
  assert("field" in answer.sorting && "direction" in answer.sorting, `${path} says its sorting`);
  return answer.summaries;
}

async function refused(expectedStatus, code, method, path, options) {
  const { status, answer } = await send(method, path, options);
  assert.deepEqual(
    [status, answer.status, answer.code],
    [expectedStatus, "error", code],
    `${method} ${path}: ${JSON.stringify(answer)}`,
  );
  assert.equal(typeof answer.message, "string");
  return answer;
}

/** Deletes a resource as the clients do, without a parameter: its API tokens are revoked with it. */
async function deleted(path, tokens, body) {
  const answer = await one("DELETE", path, { body });
  assert.equal(answer.details.id, path.split("/").at(-1));
  assert.equal(answer.revoked_api_token_count, tokens, path);
  await refused(404, "not_found", "DELETE", path);
}

const steps = {
  async ping() {
    const { details } = await one("GET", "/ping");
    assert.equal(details.token_type, "api");
    await refused(401, "bad_authtoken", "GET", "/ping", { bearer: "nonsense" });
    const { message } = await refused(404, "not_implemented", "GET", "/alerts/count");
    assert(!/not.found/i.test(message), "clients don't take it for a missing resource");
    await refused(401, "bad_authtoken", "GET", "/alerts/count", { bearer: "nonsense" });
  },

  async accounts(seen) {
    seen.account = (await list("/account"))[0];
    assert.equal(seen.account.type, "account");
    await one("GET", `/account/${seen.account.id}`);
    const { details } = await one("PUT", `/account/${seen.account.id}`, {
      body: { details: { name: "Contract" } },
    });
    assert.equal(details.name, "Contract");
    await refused(404, "not_found", "GET", "/account/01m844psex6cc97gbnyq390gb01cg3qs");
  },

  async environments(seen) {
    const query = { account_id: seen.account.id };
    const environments = await list("/environment", query);
    assert(environments.length >= 2);
    assert.equal(environments[0].name, "Development", "a client that must choose takes the first");
    const { details } = await one("POST", "/environment", {
      body: { details: { name: "QA", account_id: seen.account.id } },
    });
    await one("GET", `/environment/${details.id}`);
    const renamed = await one("PUT", `/environment/${details.id}`, { body: { details: { name: "QA 2" } } });
    assert.equal(renamed.details.name, "QA 2");
    await one("POST", "/api_token", {
      body: { details: { token_scope: "environment", environment_id: details.id } },
    });
    const unused = { query: { if_unused: "true" } };
    await refused(409, "invalid_action", "DELETE", `/environment/${details.id}`, unused);
    await deleted(`/environment/${details.id}`, 1);
    await refused(404, "not_found", "GET", `/environment/${details.id}`);
    seen.environment = (await list("/environment", query))[0];
    await refused(422, "validation_errors", "POST", "/environment", { body: { details: { name: "" } } });
  },

  async agents(seen) {
    const { details } = await one("POST", "/agent", {
      body: {
        details: { name: "bot", description: "answers", external_identifier: `bot-${seen.account.id}` },
      },
    });
    seen.agent = details;
    for (const key of ["type", "id", "name", "status", "available_actions", "inserted_at"])
      assert(key in details, `agent has ${key}`);
    assert((await list("/agent")).some((agent) => agent.id === details.id));
    await one("GET", `/agent/${details.id}`);
    const shown = await one("GET", "/agent/show", {
      query: { external_identifier: details.external_identifier },
    });
    assert.equal(shown.details.id, details.id);
    await refused(422, "validation_errors", "GET", "/agent/show");
    await one("PUT", `/agent/${details.id}`, { body: { details: { name: "bot 2" } } });
    assert.equal((await one("POST", `/agent/${details.id}/retire`, { body: {} })).details.status, "retired");
    await refused(409, "invalid_action", "POST", `/agent/${details.id}/retire`, { body: {} });
    assert.notEqual((await one("POST", `/agent/${details.id}/reinstate`)).details.status, "retired");
    const other = await one("POST", "/agent", { body: { details: { name: "short-lived" } } });
    const at = { agent_id: other.details.id, environment_id: seen.environment.id };
    const deploy = async () => {
      const token = { details: { token_scope: "agent_deployment", ...at } };
      return (await one("POST", "/api_token", { body: token })).details.agent_deployment_id;
    };
    await deleted(`/agent_deployment/${await deploy()}`, 1);
    await deploy();
    await deleted(`/agent/${other.details.id}`, 1, {}); // Python sends a body
  },

  async deployments(seen) {
    const body = { details: { agent_id: seen.agent.id, environment_id: seen.environment.id } };
    const { details } = await one("POST", "/agent_deployment", { body });
    seen.deployment = details;
    assert.equal(details.current_version_id, null, "current_version_id is there, as null");
    assert.equal((await list("/agent_deployment", { agent_id: seen.agent.id })).length, 1);
    await one("GET", `/agent_deployment/${details.id}`);
    await refused(422, "validation_errors", "POST", "/agent_deployment", { body });
  },

  async versions(seen) {
    const agent_id = seen.agent.id;
    const schema = await one("POST", "/agent_schema_version", {
      body: { details: { agent_id, external_identifier: "s1", span_schemas: { call: { type: "object" } } } },
    });
    await one("GET", `/agent_schema_version/${schema.details.id}`);
    assert.equal((await list("/agent_schema_version", { agent_id })).length, 1);
    const { details } = await one("POST", "/agent_version", {
      body: { details: { agent_id, external_identifier: "1.0.0" } },
    });
    await one("GET", `/agent_version/${details.id}`);
    assert.equal((await list("/agent_version", { agent_id })).length, 1);
    const path = `/agent_deployment/${seen.deployment.id}`;
    const pinned = await one("PUT", path, { body: { details: { current_version_id: details.id } } });
    assert.equal(pinned.details.current_version_id, details.id);
    const free = await one("PUT", path, { body: { details: { current_version_id: null } } });
    assert.equal(free.details.current_version_id, null);
  },

  async tokens(seen) {
    const body = { details: { token_scope: "account", account_id: seen.account.id } };
    const made = await one("POST", "/api_token", { body });
    assert.equal(typeof made.token, "string");
    assert(!("token" in made.details));
    const path = `/api_token/${made.details.id}`;
    assert((await list("/api_token", { account_id: seen.account.id })).some((t) => t.id === made.details.id));
    await refused(409, "invalid_action", "DELETE", path);
    for (const [move, status, ping] of [
      ["suspend", "suspended", 401],
      ["activate", "active", 200],
      ["revoke", "revoked", 401],
    ]) {
      assert.equal((await one("POST", `${path}/${move}`, { body: {} })).details.status, status);
      assert.equal((await send("GET", "/ping", { bearer: made.token })).status, ping, `ping after ${move}`);
    }
    assert.equal((await one("DELETE", path)).details.id, made.details.id);
    await refused(404, "not_found", "GET", path);
  },

  /** As `setup AGENT`: finds or creates the deployment, then creates its token. */
  async setup(seen) {
    await one("GET", `/agent/${seen.agent.id}`);
    const deployments = await list("/agent_deployment", { agent_id: seen.agent.id });
    assert.equal(deployments.length, 1);
    const { agent_id, environment_id } = deployments[0];
    const made = await one("POST", "/api_token", {
      body: { details: { token_scope: "agent_deployment", agent_id, environment_id } },
    });
    const { details } = await one("GET", "/ping", { bearer: made.token });
    assert.deepEqual([details.agent_id, details.environment_id], [agent_id, environment_id]);
    await refused(403, "not_permitted", "GET", "/agent", { bearer: made.token });
    seen.deploymentSecret = made.token;
  },

  async instances(seen) {
    const bearer = seen.deploymentSecret;
    const body = {
      agent_version: { external_identifier: "2.0.0", name: "bot" },
      agent_schema_version: { external_identifier: "s2", span_type_schemas: [{ name: "call" }] },
      idempotency_key: crypto.randomUUID(),
    };
    const made = await one("POST", "/agent_instance/register", { body, bearer });
    const again = await one("POST", "/agent_instance/register", { body, bearer });
    assert.equal(again.details.id, made.details.id, "a repeated register makes nothing new");
    assert.deepEqual(made.agent_schema_version.span_type_schemas, [{ name: "call" }]);
    for (const key of ["id", "account_id", "agent_version_id", "status", "inserted_at", "updated_at"])
      assert.equal(typeof made.details[key], "string", `an instance has ${key}`);
    assert.equal(made.details.agent_id, seen.agent.id);
    assert.equal(made.details.agent_deployment_id, seen.deployment.id);
    seen.instance = made.details;
    const path = `/agent_instance/${seen.instance.id}`;
    const started = await one("POST", `${path}/start`, {
      body: { timestamp: "2026-01-31T12:00:00Z" },
      bearer,
    });
    assert.deepEqual(
      [started.details.status, started.details.started_at],
      ["active", "2026-01-31T12:00:00.000Z"],
    );
    await one("POST", `${path}/start`, { body: {}, bearer });
    const quality = { name: "tone", payload: { score: 1 } };
    const recorded = await one("POST", `${path}/record_quality`, { body: quality, bearer });
    assert.deepEqual(recorded.details.quality_payloads, { tone: { score: 1 } });
    assert(
      (await list("/agent_instance", { agent_id: seen.agent.id })).some(({ id }) => id === seen.instance.id),
    );
    await one("GET", path);
    const { status, answer } = await send("GET", `${path}/agent_context`);
    assert.equal(status, 200);
    assert.equal(typeof answer.agent_context.body, "string");
    const other = { ...body, idempotency_key: undefined, agent_id: "no-such-agent" };
    await refused(403, "not_permitted", "POST", "/agent_instance/register", { body: other, bearer });
    await refused(422, "validation_errors", "POST", "/agent_instance/register", { body: other });
  },

  async spans(seen) {
    const bearer = seen.deploymentSecret;
    const agent_instance_id = seen.instance.id;
    const details = { agent_instance_id, schema_name: "call", status: "active", payload: { q: 1 } };
    const key = crypto.randomUUID();
    const made = await one("POST", "/agent_spans", { body: { details, idempotency_key: key }, bearer });
    const again = await one("POST", "/agent_spans", { body: { details, idempotency_key: key }, bearer });
    assert.deepEqual(again.details, made.details, "a repeated create gets the first answer");
    assert.deepEqual([made.details.payload, made.details.summary], [{ q: 1 }, null]);
    const body = { status: "complete", result_payload: { text: "ok" } };
    const path = `/agent_spans/${made.details.id}/finish`;
    assert.equal((await one("POST", path, { body, bearer })).details.status, "complete");
    await one("POST", path, { body, bearer });
    await one("POST", "/agent_spans/create_test_spans", { body: { agent_instance_id, count: 2 } });
    const query = { agent_instance_id, start_time: "2026-01-01T00:00:00Z", end_time: "2126-01-01T00:00:00Z" };
    assert.equal((await list("/agent_spans", { ...query, include_summaries: "true" })).length, 3);
    const missing = { details: { ...details, agent_instance_id: null } };
    await refused(422, "validation_errors", "POST", "/agent_spans", { body: missing, bearer });
    const large = { details: { ...details, payload: { text: "x".repeat(3 << 20) } } };
    await refused(422, "validation_errors", "POST", "/agent_spans", { body: large, bearer });

    const reason = "It took too long.";
    const instance = `/agent_instance/${agent_instance_id}`;
    assert.equal(
      (await one("POST", `${instance}/terminate`, { body: { reason } })).details.status,
      "terminated",
    );
    const told = await one("POST", "/agent_spans", { body: { details }, bearer });
    assert.deepEqual(told.control, { terminate: true, reason });
    assert.equal(
      (await one("POST", `${instance}/finish`, { body: {}, bearer })).details.status,
      "terminated",
    );
    await refused(401, "bad_authtoken", "POST", "/agent_spans", { body: { details }, bearer: "nonsense" });
  },

  async users(seen) {
    const users = await list("/admin_user", { account_id: seen.account.id });
    assert.equal(users.length, 1);
    const { details } = await one("GET", `/admin_user/${users[0].id}`);
    for (const key of ["id", "email", "account_id"]) assert(key in details, `admin user has ${key}`);
  },

  async invites(seen) {
    const body = { details: { email: "guest@example.com", account_id: seen.account.id } };
    const { details } = await one("POST", "/admin_user_invite", { body });
    assert.equal(details.status, "pending");
    assert.deepEqual([details.invite_url, details.token], [null, null]); // a token never sees the code
    assert.equal((await list("/admin_user_invite", { account_id: seen.account.id })).length, 1);
    await one("GET", `/admin_user_invite/${details.id}`);
    assert.equal(
      (await one("POST", `/admin_user_invite/${details.id}/revoke`, { body: {} })).details.status,
      "revoked",
    );
    await refused(409, "invalid_action", "POST", `/admin_user_invite/${details.id}/revoke`, { body: {} });
  },

  async pfid(seen) {
    const { details } = await one("POST", "/pfid/generate", {
      body: { count: 3, account_id: seen.account.id },
    });
    assert.equal(details.pfids.length, 3);
    for (const id of details.pfids) {
      assert.match(id, /^[0-7][0-9a-hjkmnp-tv-z]{31}$/);
      assert.equal(id.slice(10, 16), seen.account.id.slice(10, 16), "ids share the account's partition");
    }
  },

  async bulk() {
    const typed = await send("POST", "/bulk", {
      body: {
        items: [
          { _type: "agents/list", idempotency_key: "contract-1" },
          { _type: "environments/create", idempotency_key: "contract-2", name: "Bulk" },
        ],
      },
    });
    assert.equal(typed.status, 200);
    assert.equal(typed.answer.outputs["contract-1"].status, "success");
    assert.equal(typed.answer.outputs["contract-2"].details.name, "Bulk");
    const plain = await send("POST", "/bulk", {
      body: {
        items: [
          { method: "GET", path: "/account" },
          { method: "GET", path: "/agent/nothing" },
          { method: "GET", path: "/agent" },
        ],
      },
    });
    assert.deepEqual(
      plain.answer.details.items.map((item) => item.status),
      [200, 404],
      "stops at the first failure",
    );
  },
};

const seen = {};
for (const [name, step] of Object.entries(steps)) {
  await step(seen);
  console.log(`ok ${name}`);
}
