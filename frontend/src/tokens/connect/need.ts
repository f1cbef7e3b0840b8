import type { TokenScope } from "../../wire";

/** A resource of the account to choose. */
export interface Named {
  id: string;
  name: string;
}

/** A gateway's requirements. A token must have one value of each kind; an empty list accepts any. */
export interface Need {
  account: Named;
  scopes: TokenScope[];
  environments: Named[];
  agents: Named[];
}

/** All scopes, the widest first. */
export const scopes: { id: TokenScope; name: string }[] = [
  { id: "account", name: "Account" },
  { id: "environment", name: "Environment" },
  { id: "agent_deployment", name: "Agent deployment" },
];

/**
 * The requirements in the server's syntax, without characters that mean something in a configuration. They always name
 * the account; otherwise other accounts of the server could create tokens that pass.
 */
export function needText({ account, scopes, environments, agents }: Need): string {
  return new URLSearchParams([
    ["account_id", account.id],
    ...scopes.map((scope) => ["scope", scope]),
    ...environments.map(({ id }) => ["environment_id", id]),
    ...agents.map(({ id }) => ["agent_id", id]),
  ]).toString();
}

/** The tokens that satisfy the requirements, one text per scope; null for all tokens of the account. */
export function whatPasses({ scopes, environments, agents }: Need): string[] | null {
  if (scopes.length === 0 && environments.length === 0 && agents.length === 0) return null;
  const taken = (scope: TokenScope) => scopes.length === 0 || scopes.includes(scope);
  const inThose = environments.length > 0 ? ` in ${anyOf(environments, "environments")}` : "";
  const ofThose = agents.length > 0 ? ` of ${anyOf(agents, "agents")}` : "";
  const passing: string[] = [];
  if (taken("account")) passing.push("account tokens");
  // Environment tokens belong to no agent.
  if (taken("environment") && agents.length === 0) passing.push(`environment tokens${inThose}`);
  if (taken("agent_deployment")) passing.push(`agent deployment tokens${ofThose}${inThose}`);
  return passing;
}

const either = new Intl.ListFormat("en", { type: "disjunction" });

/** Lists the names, or their number if there are too many. */
function anyOf(chosen: Named[], kind: string): string {
  return chosen.length > 3 ? `${chosen.length} ${kind}` : either.format(chosen.map(({ name }) => name));
}
