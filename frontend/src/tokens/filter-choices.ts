import { choices, type Filter, type Find } from "./find";
import { useAllAgents, useAllMembers, useEnvironments } from "./tokens";

/** The values of a filter. */
export interface Choices {
  /** Their words; undefined until they are loaded. */
  words: Record<string, string> | undefined;
  error?: Error | null;
}

export type Choosable = Exclude<Filter, "from" | "to">;

/** The values of each filter. Those that need a request are loaded for all filters, or only for those in use. */
export function useChoices(find: Find, all: boolean): Record<Choosable, Choices> {
  const environments = useEnvironments(all || find.env !== undefined);
  const agents = useAllAgents(all || find.agent !== undefined);
  const members = useAllMembers(all || (find.by !== undefined && find.by !== "left"));
  const creators = loaded(members, ({ name, email }) => name ?? email);
  return {
    state: { words: choices.state },
    scope: { words: choices.scope },
    expires: { words: choices.expires },
    unused: { words: choices.unused },
    env: loaded(environments, ({ name }) => name),
    agent: loaded(agents, ({ name, status }) => (status === "retired" ? `${name} (retired)` : name)),
    by:
      find.by === "left" || creators.words
        ? { ...creators, words: { left: "Former members", ...creators.words } }
        : creators,
  };
}

function loaded<T extends { id: string }>(
  { data, error }: { data: T[] | undefined; error: Error | null },
  word: (item: T) => string,
): Choices {
  const words = data?.map((item) => [item.id, word(item)] as const);
  return {
    words: words && Object.fromEntries(words.sort(([, a], [, b]) => a.localeCompare(b, "en"))),
    error,
  };
}

/** The word for a value: "…" until it is known. */
export function wordFor({ words, error }: Choices, value: string): string {
  return words?.[value] ?? (words || error ? "unknown" : "…");
}

const leads: Record<Filter, (word: string) => string> = {
  state: (word) => word,
  scope: (word) => `Scope: ${word}`,
  env: (word) => `Environment: ${word}`,
  agent: (word) => `Agent: ${word}`,
  by: (word) => `Creator: ${word}`,
  expires: (word) => `Expires ${word.toLowerCase()}`,
  unused: (word) => word,
  from: (day) => `Created from ${day}`,
  to: (day) => `Created until ${day}`,
};

/** A condition in words. */
export function filterText(name: Filter, value: string, words: Record<Choosable, Choices>): string {
  return leads[name](name === "from" || name === "to" ? value : wordFor(words[name], value));
}
