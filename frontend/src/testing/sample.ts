export const day = 86_400_000;
export const ago = (milliseconds: number) => new Date(Date.now() - milliseconds).toISOString();
export const stamps = (at: string) => ({ inserted_at: at, updated_at: at });

/** Returns a function that creates samples with some fields changed. */
export const sample =
  <T>(base: (more: Partial<T>) => T) =>
  (more: Partial<T> = {}): T => ({ ...base(more), ...more });
