import { type ComponentProps, useId, useState } from "react";
import { Choice, ChoiceList, ChoicePlaceholder } from "../../ui/choice-list";
import { Failure } from "../../ui/notice";
import type { Named } from "./need";

interface Option extends Named {
  note?: string;
}

interface PickerProps<T extends Named> {
  label: string;
  /** undefined while they load. */
  options: (T & Option)[] | undefined;
  /** The query that loads the options. */
  query?: ComponentProps<typeof Failure>["of"];
  /** The text for an empty list. */
  empty?: string;
  chosen: T[];
  onChange: (chosen: T[]) => void;
}

/** With more options, a search field appears. */
const many = 8;
/** The most options shown at once. */
const drawn = 100;

/** Chooses any number of options. None means any. */
export function Picker<T extends Named>({ label, options, query, empty, chosen, onChange }: PickerProps<T>) {
  const id = useId();
  const [wanted, setWanted] = useState("");
  const isChosen = ({ id }: Named) => chosen.some((one) => one.id === id);
  // A deleted option stays required until it is unticked, so that no other token passes.
  const gone = options ? chosen.filter(({ id }) => !options.some((option) => option.id === id)) : [];
  const matching = options?.filter((option) => isChosen(option) || matches(option, wanted)) ?? [];
  const shown = [...gone, ...matching.slice(0, drawn)];
  const left = matching.length - drawn;
  return (
    <fieldset className="flex min-w-0 flex-col">
      <legend className="mb-1.5 font-medium">
        {label} <span className="font-normal text-soft">{chosen.length === 0 ? "any" : chosen.length}</span>
      </legend>
      {query?.error && !options ? (
        <Failure of={query} />
      ) : (
        <ChoiceList className="max-h-50 lg:h-46">
          {options && options.length > many && (
            <input
              type="search"
              aria-label={`Find ${label.toLowerCase()}`}
              placeholder="Find by name"
              value={wanted}
              onChange={(event) => setWanted(event.target.value)}
              className="sticky top-0 z-1 block h-9 w-full border-b border-line bg-page px-3 -outline-offset-2 placeholder:text-soft pointer-coarse:h-11 pointer-coarse:text-[16px]"
            />
          )}
          {options
            ? shown.map((option: T & Option) => (
                <Choice
                  key={option.id}
                  type="checkbox"
                  name={id}
                  checked={isChosen(option)}
                  onChange={(ticked) =>
                    onChange(ticked ? [...chosen, option] : chosen.filter((one) => one.id !== option.id))
                  }
                  note={option.note}
                >
                  {option.name}
                </Choice>
              ))
            : [1, 2, 3].map((row) => <ChoicePlaceholder key={row} />)}
          {left > 0 && <p className="px-3 py-2 text-small text-soft">{left} more. Find them by name.</p>}
          {options && shown.length === 0 && (
            <p className="px-3 py-2 text-soft">{options.length === 0 ? empty : "No match."}</p>
          )}
        </ChoiceList>
      )}
    </fieldset>
  );
}

function matches({ name }: Named, wanted: string): boolean {
  return name.toLowerCase().includes(wanted.trim().toLowerCase());
}
