import type { RefObject } from "react";
import { messageOf } from "../api";
import { Button } from "../ui/button";
import { DateInput } from "../ui/date-input";
import { Labelled } from "../ui/field";
import { Popover } from "../ui/popover";
import { SelectField } from "../ui/select-field";
import { type Choices, type Choosable, useChoices, wordFor } from "./filter-choices";
import { type Filter, isDay } from "./find";
import type { Finding } from "./use-find";

const labels: [Choosable, label: string, any: string][] = [
  ["state", "Status", "Any"],
  ["scope", "Scope", "Any"],
  ["env", "Environment", "Any"],
  ["agent", "Agent", "Any"],
  ["by", "Creator", "Anyone"],
  ["expires", "Expires", "Any time"],
  ["unused", "Last used", "Any time"],
];

interface FilterPanelProps {
  anchor: RefObject<HTMLElement | null>;
  finding: Finding;
  without: Filter[];
  onClose: () => void;
}

/** Every filter of a list of tokens. A change takes effect at once. */
export default function FilterPanel({ anchor, finding, without, onClose }: FilterPanelProps) {
  const { find, change, clear } = finding;
  const choices = useChoices(find, true);
  return (
    <Popover anchor={anchor} title="Filter" onClose={onClose}>
      <div className="grid grid-cols-2 gap-x-3 gap-y-4 p-4 *:min-w-0 *:first:col-span-2">
        {labels
          .filter(([name]) => !without.includes(name))
          .map(([name, label, any]) => (
            <SelectField
              key={name}
              label={label}
              name={name}
              options={optionsOf(choices[name], find[name], any)}
              value={find[name] ?? ""}
              onChange={(value) => change({ [name]: value || undefined })}
              errors={choices[name].error && !choices[name].words ? [messageOf(choices[name].error)] : []}
            />
          ))}
        <DayField label="Created from" value={find.from} onChange={(from, how) => change({ from }, how)} />
        <DayField
          label="Created until"
          value={find.to}
          onChange={(to, how) => change({ to }, how)}
          error={find.from && find.to && find.to < find.from ? "This is before “Created from”." : undefined}
        />
        <p className="col-span-2 -mt-2 text-small text-soft">Days begin and end in UTC.</p>
      </div>
      <div className="sticky bottom-0 flex justify-end gap-2 border-t border-line bg-raised px-4 py-3">
        <Button look="quiet" onClick={clear}>
          Clear filters
        </Button>
        <Button onClick={onClose}>Done</Button>
      </div>
    </Popover>
  );
}

function optionsOf(choices: Choices, value: string | undefined, any: string) {
  const options = Object.entries(choices.words ?? {}).map(([value, label]) => ({ value, label }));
  // The item of a shared link may be deleted.
  const other = value && !choices.words?.[value] ? [{ value, label: wordFor(choices, value) }] : [];
  return [{ value: "", label: any }, ...options, ...other];
}

interface DayFieldProps {
  label: string;
  value: string | undefined;
  error?: string;
  onChange: (day: string | undefined, how: { replace: boolean }) => void;
}

/** A date, which takes effect once it is complete. */
function DayField({ label, value = "", error, onChange }: DayFieldProps) {
  return (
    <div className="max-sm:col-span-2">
      <Labelled label={label} errors={error ? [error] : []}>
        {(attributes) => (
          <DateInput
            {...attributes}
            type="date"
            className="control"
            value={value}
            onChange={(text) => {
              // While one types a year, it begins as 0002.
              if (text === "" || isDay(text)) onChange(text || undefined, { replace: value !== "" });
            }}
          />
        )}
      </Labelled>
    </div>
  );
}
