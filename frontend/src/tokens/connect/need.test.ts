import { expect, test } from "vitest";
import { type Need, needText, whatPasses } from "./need";

const account = { id: "account-1", name: "Acme" };
const production = { id: "environment-2", name: "Production" };
const staging = { id: "environment-3", name: "Staging" };
const reader = { id: "agent-1", name: "Invoice reader" };
const need = (more: Partial<Need> = {}): Need => ({
  account,
  scopes: [],
  environments: [],
  agents: [],
  ...more,
});

test("the requirements always name the account, so that no token of another one passes", () => {
  expect(needText(need())).toBe("account_id=account-1");
  expect(needText(need({ scopes: ["account"] }))).toBe("account_id=account-1&scope=account");
});

test("the requirements name every chosen value", () => {
  expect(
    needText(
      need({
        scopes: ["environment", "agent_deployment"],
        environments: [production, staging],
        agents: [reader],
      }),
    ),
  ).toBe(
    "account_id=account-1&scope=environment&scope=agent_deployment&environment_id=environment-2&environment_id=environment-3&agent_id=agent-1",
  );
});

test("the requirements have no character with a meaning in a configuration", () => {
  const text = needText(need({ agents: [{ id: ` ;{}$"'\`#\\\n<>()!|&=:,[]%`, name: "" }] }));
  expect(text.replace("account_id=account-1&agent_id=", "")).toMatch(/^[\w%+*.-]+$/);
});

test.each<[Partial<Need>, string[] | null]>([
  [{}, null],
  [{ scopes: ["account"] }, ["account tokens"]],
  [{ scopes: ["environment", "agent_deployment"] }, ["environment tokens", "agent deployment tokens"]],
  [
    { environments: [production] },
    ["account tokens", "environment tokens in Production", "agent deployment tokens in Production"],
  ],
  [{ agents: [reader] }, ["account tokens", "agent deployment tokens of Invoice reader"]],
  [
    { scopes: ["agent_deployment"], agents: [reader], environments: [production, staging] },
    ["agent deployment tokens of Invoice reader in Production or Staging"],
  ],
  [{ scopes: ["environment"], agents: [reader] }, []],
  [
    { scopes: ["environment"], environments: [production, staging, production, staging] },
    ["environment tokens in 4 environments"],
  ],
])("with %j the page describes the accepted tokens", (chosen, passing) => {
  expect(whatPasses(need(chosen))).toEqual(passing);
});
