import { useIsMutating, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call, callForAll, type One } from "../api";
import { useCreator } from "../once";
import { searched, useList, useOne } from "../requests";
import type { Agent, AgentDeployment, AgentVersion } from "../wire";

const agentsKey = ["agents"];

const pathOf = (id: string) => `/agent/${encodeURIComponent(id)}`;

/** The address of an agent's page. */
export const addressOf = (id: string, tab = "deployments") => `/agents/${encodeURIComponent(id)}/${tab}`;

export const useAgents = (search: string) => useList<Agent>(agentsKey, "/agent", searched(search));

export const useAgent = (id: string) => useOne<Agent>(["agent", id], pathOf(id));

interface AgentDetails {
  name: string;
  description: string | null;
}

/** Changes the agent with this id, or registers one if it is undefined. */
export function useSaveAgent(id: string | undefined) {
  const agents = useCreator<One<Agent>>("/agent");
  return useAgentChange((details: Partial<AgentDetails>) =>
    id === undefined ? agents.send(details) : call<One<Agent>>("PUT", pathOf(id), { details }),
  );
}

/** The answer adds the number of tokens suspended. */
export function useRetireAgent(id: string) {
  return useAgentChange(() =>
    call<One<Agent> & { suspended_api_token_count: number }>("POST", `${pathOf(id)}/retire`, { body: {} }),
  );
}

/** The answer adds the number of tokens activated. */
export function useReinstateAgent(id: string) {
  return useAgentChange(() =>
    call<One<Agent> & { activated_api_token_count: number }>("POST", `${pathOf(id)}/reinstate`, { body: {} }),
  );
}

/** Reloads also the agent's tokens and deployments. */
function useAgentChange<T, A extends One<Agent>>(request: (what: T) => Promise<A>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: request,
    onSuccess: async ({ details }) => {
      await client.cancelQueries({ queryKey: ["agent", details.id] });
      client.setQueryData(["agent", details.id], details);
    },
    onSettled: () => {
      for (const key of [agentsKey, ["agent"], ["tokens"], ["deployments"]]) {
        void client.invalidateQueries({ queryKey: key });
      }
    },
  });
}

const deletionOf = (id: string) => ["agent deletion", id];

/** Whether the user is deleting this agent. It may then be gone before the answer. */
export const useIsDeleting = (id: string) => useIsMutating({ mutationKey: deletionOf(id) }) > 0;

/**
 * Unless it may revoke tokens, the server refuses to delete an agent that has some. Does not reload the agent itself, whose
 * page would report it missing before it is left.
 */
export function useDeleteAgent(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationKey: deletionOf(id),
    mutationFn: (revoke: boolean) =>
      call<One<Agent> & { revoked_api_token_count: number }>("DELETE", pathOf(id), {
        query: { if_unused: revoke ? undefined : "true" },
      }),
    onSuccess: () => {
      for (const key of [agentsKey, ["tokens"], ["environments"]]) {
        void client.invalidateQueries({ queryKey: key });
      }
    },
  });
}

export function useDeployments(agentId: string) {
  return useQuery({
    queryKey: ["deployments", agentId],
    queryFn: ({ signal }) => callForAll<AgentDeployment>("/agent_deployment", { agent_id: agentId }, signal),
  });
}

export const useVersions = (agentId: string) =>
  useList<AgentVersion>(["versions", agentId], "/agent_version", {
    agent_id: agentId,
    sorting: "-inserted_at",
  });
