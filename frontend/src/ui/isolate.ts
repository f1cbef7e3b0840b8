const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{1e800}-\u{1efff}]/u;

/** A name in a sentence. One that runs from right to left must not move the words and digits around it. */
export const isolate = (name: string) => (rightToLeft.test(name) ? `\u2068${name}\u2069` : name);
