import { useQuery } from "@tanstack/react-query";
import { callForAll } from "../../api";
import { Notice } from "../../ui/notice";
import type { Agent } from "../../wire";
import { useEnvironments } from "../tokens";
import { purposeNote } from "../wording";
import { type Named, type Need, scopes, whatPasses } from "./need";
import { Picker } from "./picker";

/** The agents to choose from. Tokens of retired ones are refused anyway. */
function useAgentChoice() {
  return useQuery({
    queryKey: ["agents", "all"],
    queryFn: ({ signal }) => callForAll<Agent>("/agent", {}, signal),
    refetchInterval: false,
    select: (agents) => agents.filter(({ status }) => status !== "retired"),
  });
}

interface NeedFieldsProps {
  value: Need;
  onChange: (value: Need) => void;
}

export function NeedFields({ value, onChange }: NeedFieldsProps) {
  const environments = useEnvironments();
  const agents = useAgentChoice();
  return (
    <div className="grid gap-3">
      <div className="grid gap-4 lg:grid-cols-3">
        <Picker
          label="Scopes"
          options={scopes}
          chosen={scopes.filter(({ id }) => value.scopes.includes(id))}
          onChange={(chosen) =>
            onChange({
              ...value,
              scopes: scopes.map(({ id }) => id).filter((id) => chosen.some((one) => one.id === id)),
            })
          }
        />
        <Picker<Named>
          label="Environments"
          options={environments.data?.map(({ id, name, purpose }) => ({
            id,
            name,
            note: purposeNote({ name, purpose }),
          }))}
          query={environments}
          empty="There are no environments yet."
          chosen={value.environments}
          onChange={(chosen) => onChange({ ...value, environments: chosen })}
        />
        <Picker<Named>
          label="Agents"
          options={agents.data}
          query={agents}
          empty="There are no agents yet."
          chosen={value.agents}
          onChange={(chosen) => onChange({ ...value, agents: chosen })}
        />
      </div>
      <Passing need={value} />
    </div>
  );
}

const all = new Intl.ListFormat("en", { type: "conjunction" });

function Passing({ need }: { need: Need }) {
  const passing = whatPasses(need);
  return (
    <div role="status" className="wrap-anywhere">
      {passing === null ? (
        <p className="text-soft">Every active token of {need.account.name} passes.</p>
      ) : passing.length === 0 ? (
        <Notice tone="warn">No token passes: environment tokens belong to no agent.</Notice>
      ) : (
        <p className="text-soft">
          These tokens of {need.account.name} pass: {all.format(passing)}.
        </p>
      )}
    </div>
  );
}
