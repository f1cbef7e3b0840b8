import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call, callForAll, callForOne, type One } from "../api";
import { useCreator } from "../once";
import { useList, useOne } from "../requests";
import type { Agent, AgentDeployment, AgentVersion, NewAgent } from "../wire";

const agentsKey = ["agents"];

const pathOf = (id: string) => `/agent/${encodeURIComponent(id)}`;

export const useAgents = () => useList<Agent>(agentsKey, "/agent");

export const useAgent = (id: string) => useOne<Agent>(["agent", id], pathOf(id));

export function useRegisterAgent() {
  const client = useQueryClient();
  const create = useCreator<One<Agent>>("/agent");
  return useMutation({
    mutationFn: async (details: NewAgent) => (await create(details)).details,
    onSuccess: (agent) => {
      client.setQueryData(["agent", agent.id], agent);
      void client.invalidateQueries({ queryKey: agentsKey });
    },
  });
}

export interface AgentChange {
  name: string;
  description: string | null;
}

export function useChangeAgent(id: string) {
  return useAgentMutation((details: AgentChange) => call<One<Agent>>("PUT", pathOf(id), { details }));
}

/** Retires an agent; the answer says how many of its tokens that suspended. */
export function useRetireAgent(id: string) {
  return useAgentMutation(() =>
    call<One<Agent> & { suspended_api_token_count: number }>("POST", `${pathOf(id)}/retire`, { body: {} }),
  );
}

/** Takes the retirement back; the answer says how many tokens are active again. */
export function useReinstateAgent(id: string) {
  return useAgentMutation(() =>
    call<One<Agent> & { activated_api_token_count: number }>("POST", `${pathOf(id)}/reinstate`, { body: {} }),
  );
}

/** Whatever changes an agent may change its tokens and deployments too: all lists ask again. */
function useAgentMutation<T, A extends One<Agent>>(request: (what: T) => Promise<A>) {
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

/** Waits for no list: while one is asked for, the page of the agent could find out that it is gone. */
export function useDeleteAgent(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (revoke: boolean) =>
      callForOne<Agent>("DELETE", pathOf(id), { query: { revoke_api_tokens: revoke ? "true" : undefined } }),
    onSuccess: () => {
      for (const key of [agentsKey, ["tokens"], ["environments"]]) {
        void client.invalidateQueries({ queryKey: key });
      }
    },
  });
}

/** The environments that an agent is deployed in, one deployment for each. */
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
