import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call, type List, type One } from "../api";
import type { Agent, NewAgent } from "../wire";

const agentsKey = ["agents"];

/** One page of the account's agents, newest first. */
export function useAgents(page: number, pageSize: number) {
  return useQuery({
    queryKey: [...agentsKey, page],
    queryFn: ({ signal }) =>
      call<List<Agent>>("GET", "/agent", {
        query: {
          "pagination[offset]": (page - 1) * pageSize,
          "pagination[page_size]": pageSize,
          sorting: "-inserted_at",
        },
        signal,
      }),
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
  return useMutation({
    mutationFn: async (details: NewAgent) =>
      (await call<One<Agent>>("POST", "/agent", { body: { details } })).details,
    onSuccess: (agent) => {
      client.setQueryData(["agent", agent.id], agent);
      void client.invalidateQueries({ queryKey: agentsKey });
    },
  });
}
