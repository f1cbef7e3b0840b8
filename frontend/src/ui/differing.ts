/** The fields of `now` that differ from `before`. An edit that sends only these undoes no one else's. */
export function differing<T extends object>(now: T, before: T): Partial<T> {
  const differ = Object.entries(now).filter(([name, value]) => value !== before[name as keyof T]);
  return Object.fromEntries(differ) as Partial<T>;
}
