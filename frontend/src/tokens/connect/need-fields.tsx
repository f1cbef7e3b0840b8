import { Notice } from "../../ui/notice";
import { useAllAgents, useEnvironments } from "../tokens";
import { purposeNote } from "../wording";
import { type Named, type Need, scopes, whatPasses } from "./need";
import { Picker } from "./picker";

interface NeedFieldsProps {
  value: Need;
  onChange: (value: Need) => void;
}

export function NeedFields({ value, onChange }: NeedFieldsProps) {
  const environments = useEnvironments();
  const agents = useAllAgents();
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
          // Tokens of retired agents are refused anyway.
          options={agents.data?.filter(({ status }) => status !== "retired")}
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
