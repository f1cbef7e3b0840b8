import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { App } from "../app";
import { createQueryClient } from "../app/query-client";

/** Opens an address of the page with everything real but the network. */
export function open(address: string) {
  window.history.replaceState(null, "", address);
  const client = createQueryClient();
  // What fails here is meant to fail; a second try only takes time.
  client.setDefaultOptions({ queries: { ...client.getDefaultOptions().queries, retry: false } });
  const user = userEvent.setup({ writeToClipboard: false });
  render(<App client={client} />);
  return { user, client };
}
