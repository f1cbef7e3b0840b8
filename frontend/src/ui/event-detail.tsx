import { Time } from "./time";

const instants = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

/** The first word of a list of facts, or the two after "imported". */
const kind = /^(imported, )?(account|environment|agent_deployment)(?=, )/;

/** The detail of an event, with the names and RFC 3339 times in it shown as others are. */
export function EventDetail({ text }: { text: string }) {
  return text
    .replace(kind, (words) => words.charAt(0).toUpperCase() + words.slice(1).replace("_", " "))
    .split(instants)
    .map((part, index) => (index % 2 === 1 ? <Time key={`${part} ${index}`} at={part} clock /> : part));
}
