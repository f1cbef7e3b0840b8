import { copyText } from "./clipboard";
import { announce, announceFailure } from "./toast";

/** Copies the id of what the title names, and announces the result. */
export async function copyId(id: string, title: string) {
  if (await copyText(id)) announce(`ID of ${title} copied.`, id);
  else announceFailure(`The browser did not let us copy the ID. It is ${id}`, id);
}
