/** Strings, with the colon after a key, and the punctuation around values. */
const structure = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\],]/g;

/**
 * Makes strings of the values of fields: their JSON, which parsing then leaves as it is. JavaScript would round numbers, drop
 * all but the last of equal keys, and sort keys that are numbers. The fields are at `depth`, from 1 for those of the
 * outermost object. Without `names` it is all that are there.
 */
export function withTexts(json: string, depth: number, names?: string[]): string {
  let level = 0;
  let start = -1;
  let done = 0;
  let text = "";
  for (const { 0: part, 1: colon, index } of json.matchAll(structure)) {
    const [sign = ""] = part;
    if (level === depth && start >= 0 && ",}".includes(sign)) {
      text += json.slice(done, start) + JSON.stringify(json.slice(start, index).trim());
      done = index;
      start = -1;
    } else if (
      level === depth &&
      colon &&
      (names?.includes(JSON.parse(part.slice(0, -colon.length))) ?? true)
    ) {
      start = index + part.length;
    }
    if ("{[".includes(sign)) level++;
    if ("]}".includes(sign)) level--;
  }
  return text + json.slice(done);
}

const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s"{}[\]:,]+/g;

/** JSON on lines of its own, as JSON.stringify writes it. Numbers, keys and their order stay as they are. */
export function indented(json: string): string {
  const parts = json.match(tokens) ?? [];
  let line = "\n";
  let text = "";
  for (const [at, part] of parts.entries()) {
    const [sign = ""] = part;
    const isEmpty = "{[".includes(parts[at - 1] ?? " ");
    if ("{[".includes(sign)) {
      line += "  ";
      text += "]}".includes(parts[at + 1] ?? " ") ? part : part + line;
    } else if ("]}".includes(sign)) {
      line = line.slice(0, -2);
      text += isEmpty ? part : line + part;
    } else if (sign === ",") text += part + line;
    else if (sign === ":") text += ": ";
    else text += sign === '"' ? JSON.stringify(JSON.parse(part)) : part;
  }
  return text;
}
