import { Time } from "./time";

const instants = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

/** A text of the server, with the RFC 3339 times in it shown as other times are. */
export function TimedText({ text }: { text: string }) {
  return text
    .split(instants)
    .map((part, index) => (index % 2 === 1 ? <Time key={`${part} ${index}`} at={part} clock /> : part));
}
