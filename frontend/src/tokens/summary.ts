import { useQuery } from "@tanstack/react-query";
import { callForOne } from "../api";
import type { ApiTokenSummary } from "../wire";
import type { Filter, Find } from "./find";
import { onlyOf, tokensKey } from "./tokens";

/** The numbers of tokens of the account, or of deployment tokens of one agent. */
export function useSummary(agentId?: string) {
  return useQuery({
    queryKey: [...tokensKey, "summary", agentId],
    queryFn: ({ signal }) =>
      callForOne<ApiTokenSummary>("GET", "/api_token/summary", { query: onlyOf(agentId), signal }),
  });
}

/** A part of the summary, which is a filter too. */
export interface Part {
  label: string;
  /** Follows the label if there is room. */
  more?: string;
  count: "active" | "suspended" | "expiring" | "unused" | "expired";
  alarming?: boolean;
  /** The filters that it sets. */
  sets: Filter[];
  isOn: (find: Find) => boolean;
  /** Each returns the conditions to change. */
  turnOn: (find: Find) => Find;
  turnOff: (find: Find) => Find;
}

const isLive = ({ state }: Find) => state === "live" || state === "active" || state === "suspended";

export const parts: Part[] = [
  status("Active", "active"),
  status("Suspended", "suspended"),
  {
    label: "Expiring",
    more: "within 14 days",
    count: "expiring",
    alarming: true,
    sets: ["expires"],
    isOn: ({ expires }) => expires === "14",
    turnOn: (find) => ({ expires: "14", state: isLive(find) ? find.state : undefined }),
    turnOff: () => ({ expires: undefined }),
  },
  {
    label: "Unused",
    more: "for 90 days",
    count: "unused",
    sets: ["unused", "state"],
    isOn: (find) => find.unused === "90" && isLive(find),
    turnOn: (find) => ({ unused: "90", state: isLive(find) ? find.state : "live" }),
    turnOff: ({ state }) => ({ unused: undefined, state: state === "live" ? undefined : state }),
  },
  status("Expired", "expired"),
];

function status(label: string, state: "active" | "suspended" | "expired"): Part {
  return {
    label,
    count: state,
    sets: ["state"],
    isOn: (find) => find.state === state,
    // Only live tokens can expire soon, and only they count as unused.
    turnOn: () => (state === "expired" ? { state, expires: undefined, unused: undefined } : { state }),
    turnOff: ({ unused }) => ({ state: unused === "90" && state !== "expired" ? "live" : undefined }),
  };
}
