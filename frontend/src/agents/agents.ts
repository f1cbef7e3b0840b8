import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call, callForAll, callForPage, type One } from "../api";
import { Creator } from "../once";
import type { Agent, AgentDeployment, AgentVersion, NewAgent } from "../wire";

const agentsKey = ["agents"];

/** One page of the account's agents, newest first. */
export function useAgents(page: number, pageSize: number) {
  return useQuery({
    queryKey: [...agentsKey, page],
    queryFn: ({ signal }) =>
      callForPage<Agent>("/agent", page, pageSize, { sorting: "-inserted_at" }, signal),
    placeholderData: keepPreviousData,
  });
}

export function useAgent(id: string) {
  return useQuery({
    queryKey: ["agent", id],
    queryFn: async ({ signal }) =>
      (await call<One<Agent>>("GET", `/agent/${encodeURIComponent(id)}`, { signal })).details,
  });
}

export function useRegisterAgent() {
  const client = useQueryClient();
  const [creator] = useState(() => new Creator<One<Agent>>("/agent"));
  return useMutation({
    mutationFn: async (details: NewAgent) => (await creator.send(details)).details,
    onSuccess: (agent) => {
      client.setQueryData(["agent", agent.id], agent);
      void client.invalidateQueries({ queryKey: agentsKey });
    },
  });
}

const pathOf = (id: string) => `/agent/${encodeURIComponent(id)}`;

export interface AgentChange {
  name: string;
  description: string | null;
}

export function useChangeAgent(id: string) {
  return useAgentMutation(async (details: AgentChange) =>
    call<One<Agent>>("PUT", pathOf(id), { body: { details } }),
  );
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

export function useDeleteAgent(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (revoke: boolean) =>
      (
        await call<One<Agent>>("DELETE", pathOf(id), {
          query: { revoke_api_tokens: revoke ? "true" : undefined },
        })
      ).details,
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

/** One page of an agent's versions, newest first. */
export function useVersions(agentId: string, page: number, pageSize: number) {
  return useQuery({
    queryKey: ["versions", agentId, page],
    queryFn: ({ signal }) =>
      callForPage<AgentVersion>(
        "/agent_version",
        page,
        pageSize,
        { agent_id: agentId, sorting: "-inserted_at" },
        signal,
      ),
    placeholderData: keepPreviousData,
  });
}
