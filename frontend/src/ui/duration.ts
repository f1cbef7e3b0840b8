const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Each unit with the one below it, from the largest. */
const units: [length: number, name: string, below: number, nameBelow: string][] = [
  [day, "d", hour, "h"],
  [hour, "h", minute, "min"],
  [minute, "min", second, "s"],
];

/** A length of time in milliseconds: "340 ms", "4.2 s", "3 min 20 s", "2 h 5 min". */
export function durationText(length: number): string {
  if (length < second) return `${Math.max(0, Math.floor(length))} ms`;
  for (const [unit, name, below, nameBelow] of units) {
    if (length < unit) continue;
    const rest = Math.floor((length % unit) / below);
    return `${Math.floor(length / unit).toLocaleString("en")} ${name}${rest > 0 ? ` ${rest} ${nameBelow}` : ""}`;
  }
  return `${(Math.floor(length / 100) / 10).toFixed(1)} s`;
}
