import { useQuery } from "@tanstack/react-query";
import { callForOne, callForPart } from "../api";
import { useChange, useList, useOne } from "../requests";
import { durationText } from "../ui/duration";
import { tolerance } from "../ui/time-text";
import type { AgentActivity, AgentInstance, InstanceStatus } from "../wire";
import { addressOf } from "./agents";
import { withTexts } from "./json-text";

const instancesKey = ["instances"];

const activityKey = ["activity"];

const pathOf = (id: string) => `/agent_instance/${encodeURIComponent(id)}`;

/** The address of an instance's page. */
export const instanceAddress = ({ id, agent_id }: Pick<AgentInstance, "id" | "agent_id">) =>
  `${addressOf(agent_id, "instances")}/${encodeURIComponent(id)}`;

export interface InstanceFilter {
  status?: InstanceStatus;
  /** The id of an environment. */
  env?: string;
}

/** The instances of an agent, newest first. */
export const useInstances = (agent_id: string, { status, env: environment_id }: InstanceFilter) =>
  useList<AgentInstance>([...instancesKey, "lists"], "/agent_instance", { agent_id, status, environment_id });

/** An instance whose qualities are one JSON text. */
export type InstanceShown = Omit<AgentInstance, "quality_payloads"> & { quality_payloads: string };

const withQualities = (json: string) => withTexts(json, 2, ["quality_payloads"]);

export const useInstance = (id: string) =>
  useQuery({
    queryKey: [...instancesKey, "one", id],
    queryFn: ({ signal }) => callForOne<InstanceShown>("GET", pathOf(id), { signal, rewrite: withQualities }),
  });

/** The JSON of each quality, by name. */
export const qualitiesOf = ({ quality_payloads }: InstanceShown): [name: string, json: string][] =>
  Object.entries(JSON.parse(withTexts(quality_payloads, 1)) ?? {});

/** The newest five instances that a token registered. */
export const useInstancesOf = (api_token_id: string) =>
  useQuery({
    queryKey: [...instancesKey, "of", api_token_id],
    queryFn: ({ signal }) => callForPart<AgentInstance>("/agent_instance", 0, 5, { api_token_id }, signal),
  });

/** The instances of the last 24 hours, by hour and status. */
export const useActivity = (agentId: string) =>
  useOne<AgentActivity>([...activityKey, agentId], `/agent/${encodeURIComponent(agentId)}/activity`);

export const useTerminate = (id: string) =>
  useChange(
    (body: { reason: string }) => callForOne<AgentInstance>("POST", `${pathOf(id)}/terminate`, { body }),
    instancesKey,
    activityKey,
  );

export const statuses: InstanceStatus[] = [
  "pending",
  "active",
  "complete",
  "failed",
  "cancelled",
  "terminated",
];

export const statusWords: Record<InstanceStatus, string> = {
  pending: "Pending",
  active: "Active",
  complete: "Complete",
  failed: "Failed",
  cancelled: "Cancelled",
  terminated: "Terminated",
};

/** The end of an id is random, unlike its beginning. */
export const instanceTitle = ({ id }: Pick<AgentInstance, "id">) => `Instance …${id.slice(-8)}`;

export const isOpen = (status: InstanceStatus) => status === "pending" || status === "active";

/** How long something ran, or has been running. Both times are the client's, whose clock may be wrong. */
export function ranText(
  { started_at, finished_at }: Pick<AgentInstance, "started_at" | "finished_at">,
  isRunning: boolean,
  now: number,
): string {
  if (!started_at) return "Not started";
  const start = Date.parse(started_at);
  const length = finished_at ? Date.parse(finished_at) - start : now - start;
  // Also if a time can't be read.
  if (!(length >= (finished_at ? 0 : -tolerance)) || (!finished_at && !isRunning)) return "Unknown";
  return finished_at ? durationText(length) : `${durationText(length)} so far`;
}
