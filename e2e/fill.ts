import type { Api, Created } from "./api";

const day = 86_400_000;

/** Names of the maximum length: words that wrap, and one word. */
export const longName =
  `The one with a name that goes on and on, ${"W".repeat(30)}, and then some more of it`.padEnd(100, "!");

/** Fills the account with tokens of every scope and state, and with names of the maximum length. */
export async function fill(api: Api): Promise<{ agentId: string; wordyId: string }> {
  const agent = await made(api, "/agent", {
    name: "Invoice reader",
    description: "Reads the invoices that come by mail.",
  });
  await made(api, "/agent", { name: "Web search" });
  const wordy = await made(api, "/agent", {
    name: "The agent that answers what customers ask about deliveries that are late, in twelve languages",
    description: "Agent-with-a-description-that-has-no-place-to-break-".repeat(3),
  });
  const development = await api.environmentId("Development");
  const production = await api.environmentId("Production");
  const deployment = { token_scope: "agent_deployment", environment_id: production };

  await token(api, { token_scope: "account", name: "From the time before" });
  const old = await token(api, { token_scope: "account", name: "Old laptop" });
  await api.act(`/api_token/${old.details.id}/revoke`);
  const paused = await token(api, { token_scope: "account", name: "Paused for the audit" });
  await api.act(`/api_token/${paused.details.id}/suspend`);
  await token(api, { token_scope: "environment", environment_id: development });
  await token(api, { ...deployment, agent_id: wordy.id, name: "W".repeat(100) });
  const ends = new Date(Date.now() + 3 * day).toISOString();
  const reader = await token(api, { ...deployment, agent_id: agent.id, expires_at: ends });
  await token(api, {
    ...deployment,
    agent_id: agent.id,
    environment_id: development,
    name: "On Ada's machine",
  });
  const nightly = await token(api, { token_scope: "account", name: "Nightly build" });
  await api.ping(reader.token);
  await api.ping(nightly.token);
  await api.create("/api_token", { token_scope: "account" }, nightly.token);
  return { agentId: agent.id, wordyId: wordy.id };
}

export async function made(api: Api, path: string, details: object): Promise<{ id: string }> {
  return (await api.create<{ details: { id: string } }>(path, details)).details;
}

function token(api: Api, details: object): Promise<Created> {
  return api.create<Created>("/api_token", details);
}
