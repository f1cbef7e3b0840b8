import type * as wire from "../wire";
import { ago, day, sample, stamps } from "./sample";

export const agent = sample<wire.Agent>(() => ({
  type: "agent",
  id: "agent-1",
  account_id: "account-1",
  name: "Invoice reader",
  status: "active",
  description: "Reads invoices.",
  external_identifier: null,
  owner_person_id: null,
  risk_profile_id: null,
  team_id: null,
  last_seen_at: ago(2 * 3_600_000),
  inserted_at: ago(20 * day),
  updated_at: ago(day),
  available_actions: { update: true, retire: true, reinstate: false, delete: true },
}));

export const deployment = sample<wire.AgentDeployment>(() => ({
  type: "agent_deployment",
  id: "deployment-1",
  account_id: "account-1",
  agent_id: "agent-1",
  agent_name: "Invoice reader",
  environment_id: "environment-2",
  environment_name: "Production",
  current_version_id: null,
  current_version_identifier: null,
  live_api_token_count: 0,
  ...stamps(ago(10 * day)),
}));

export const version = sample<wire.AgentVersion>(() => ({
  type: "agent_version",
  id: "version-1",
  account_id: "account-1",
  agent_id: "agent-1",
  agent_schema_version_id: null,
  external_identifier: "1.4.0",
  external_identifier_repeats: 0,
  name: null,
  description: null,
  current_agent_deployment_refs: [],
  runtime_environment: null,
  ...stamps(ago(4 * day)),
}));

export const instance = sample<wire.AgentInstance>(({ status = "complete" }) => ({
  type: "agent_instance",
  id: "instance-1",
  account_id: "account-1",
  agent_id: "agent-1",
  agent_name: "Invoice reader",
  agent_version_id: "version-1",
  agent_version_identifier: "1.4.0",
  environment_id: "environment-2",
  environment_name: "Production",
  agent_deployment_id: "deployment-1",
  api_token_id: "token-2",
  api_token_name: "On the server",
  api_token_hint: "b8Kc",
  status,
  purpose: "live",
  started_at: ago(5 * 60_000),
  finished_at: status === "active" ? null : ago(5 * 60_000 - 200_000),
  termination_reason: null,
  span_counts: { total: 0, pending: 0, active: 0, complete: 0, failed: 0, cancelled: 0, finished: 0 },
  quality_payloads: null,
  quality_summaries: null,
  last_activity_at: ago(100_000),
  ...stamps(ago(5 * 60_000)),
  available_actions: { terminate: status === "active" || status === "pending" },
}));

export const span = sample<wire.AgentSpan>(({ status = "complete" }) => ({
  type: "agent_span",
  id: "span-1",
  account_id: "account-1",
  agent_id: "agent-1",
  agent_instance_id: "instance-1",
  parent_span_id: null,
  schema_name: "agent:run",
  schema_title: null,
  summary: null,
  status,
  payload: {},
  result_payload: null,
  sensitive_encoding: null,
  started_at: ago(4 * 60_000),
  finished_at: status === "active" ? null : ago(4 * 60_000 - 1_200),
  ...stamps(ago(4 * 60_000)),
}));

/** The instances of 24 hours, with some in the last one. */
export function activity(last: Partial<wire.AgentActivity["hours"][number]> = {}): wire.AgentActivity {
  const none = { pending: 0, active: 0, complete: 0, failed: 0, cancelled: 0, terminated: 0 };
  return {
    type: "agent_activity",
    agent_id: "agent-1",
    first: ago(23 * 3_600_000),
    hours: [...Array.from({ length: 23 }, () => none), { ...none, ...last }],
  };
}
