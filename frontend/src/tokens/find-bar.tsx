import { ArrowUpDown, ListFilter } from "lucide-react";
import { lazy, type RefObject, Suspense, useRef, useState } from "react";
import { Button } from "../ui/button";
import { Chip } from "../ui/chip";
import { count } from "../ui/count";
import { late } from "../ui/late";
import { SearchField } from "../ui/search-field";
import { CompactSelect } from "../ui/select";
import { Toggle } from "../ui/toggle";
import type { ApiTokenSummary } from "../wire";
import { filterText, useChoices } from "./filter-choices";
import { type Filter, filters, sortOf, sorts } from "./find";
import { parts } from "./summary";
import type { Finding } from "./use-find";

// The page also works if this code fails to load.
const ExpiringBanner = lazy(() => import("./expiring-banner").catch(() => ({ default: () => null })));
// Its code loads after the list is shown.
const FilterPanel = late(
  () => import("./filter-panel"),
  ({ onClose }) => onClose(),
);

const sortOptions = Object.entries(sorts).map(([value, { label }]) => ({ value, label }));

interface FindBarProps {
  finding: Finding;
  /** Filters that the page itself sets. */
  without: Filter[];
  summary: { data: ApiTokenSummary | undefined; error: Error | null };
  /** The number of tokens that match; undefined until the first answer. */
  matching: number | undefined;
  /** Whether that number is of the last filter, until the new one is there. */
  turning: boolean;
  /** Whether to warn of tokens that expire soon. */
  warns: boolean;
  /** The Filter button. */
  button: RefObject<HTMLButtonElement | null>;
}

/** Search, filters, order and summary of a list of tokens. */
export function FindBar({ finding, without, summary, matching, turning, warns, button }: FindBarProps) {
  const { find, change, clear, narrowed } = finding;
  const [open, setOpen] = useState(false);
  const words = useChoices(find, false);
  const shown = parts.filter((part) => part.isOn(find)).flatMap((part) => part.sets);
  const chips = filters.filter((name) => find[name] && !shown.includes(name));
  const total = summary.data?.item_count;
  const settled = useRef(narrowed);
  if (!turning) settled.current = narrowed;
  function drop(next: () => void) {
    next();
    // The focused button is gone.
    button.current?.focus();
  }
  return (
    <section aria-label="Search and filters" className="mb-3 grid grid-cols-[minmax(0,1fr)] gap-2">
      <div className="flex flex-wrap gap-2">
        <div className="grow basis-full lg:basis-0">
          <SearchField
            label="Search tokens"
            placeholder="Search by name, ID or last four characters"
            value={find.q ?? ""}
            cleared={finding.cleared}
            // Back leaves the search instead of undoing each letter.
            onSearch={(text) => change({ q: text || undefined }, { replace: find.q !== undefined })}
          />
        </div>
        <Button
          ref={button}
          aria-haspopup="dialog"
          aria-expanded={open}
          aria-label={chips.length > 0 ? `Filter, ${chips.length} active` : undefined}
          onClick={() => setOpen(!open)}
          icon={<ListFilter aria-hidden className="size-4 text-soft" />}
        >
          Filter
          {chips.length > 0 && <span className="text-accent-ink">{chips.length}</span>}
        </Button>
        <CompactSelect
          label="Sort"
          icon={ArrowUpDown}
          className="min-w-0 grow basis-40 sm:w-50 sm:grow-0 sm:basis-auto"
          options={sortOptions}
          value={sortOf(find)}
          onChange={(sort) => change({ sort })}
        />
      </div>
      {/* Its numbers would move what follows them. */}
      <fieldset
        className={`flex min-w-0 flex-wrap gap-1.5 ${summary.data || summary.error ? "" : "invisible"}`}
      >
        <legend className="sr-only">Filter by what needs attention</legend>
        {parts.map((part) => {
          const on = part.isOn(find);
          return (
            <Toggle
              key={part.count}
              label={part.label}
              more={part.more}
              amount={summary.data?.[part.count]}
              alarming={part.alarming}
              pressed={on}
              onToggle={() => change(on ? part.turnOff(find) : part.turnOn(find))}
            />
          );
        })}
      </fieldset>
      <div className="flex min-h-7 flex-wrap items-center gap-2 text-small pointer-coarse:min-h-10">
        <p role="status" className="mr-1 text-soft">
          {matching === undefined
            ? ""
            : settled.current && total !== undefined
              ? `${matching.toLocaleString("en")} of ${count(total, "token")}`
              : count(matching, "token")}
        </p>
        {chips.map((name) => (
          <Chip
            key={name}
            text={filterText(name, find[name] ?? "", words)}
            onRemove={() => drop(() => change({ [name]: undefined }))}
          />
        ))}
        {warns && !narrowed && matching !== undefined && summary.data && summary.data.expiring > 0 && (
          <Suspense fallback={null}>
            <ExpiringBanner
              amount={summary.data.expiring}
              sort={find.sort}
              onGone={() => button.current?.focus()}
            />
          </Suspense>
        )}
        {narrowed && matching !== 0 && (
          <Button size="small" look="quiet" className="text-small" onClick={() => drop(clear)}>
            Clear filters
          </Button>
        )}
      </div>
      <Suspense fallback={null}>
        {open && (
          <FilterPanel anchor={button} finding={finding} without={without} onClose={() => setOpen(false)} />
        )}
      </Suspense>
    </section>
  );
}
