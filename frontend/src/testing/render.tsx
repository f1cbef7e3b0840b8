import { act, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect } from "vitest";
import { App } from "../app";
import { createQueryClient } from "../app/query-client";

/** Opens an address of the page. Only the network is simulated. */
export function open(address: string) {
  window.history.replaceState(null, "", address);
  const client = createQueryClient();
  // Failures are intended here, so retries only cost time.
  client.setDefaultOptions({ queries: { ...client.getDefaultOptions().queries, retry: false } });
  const user = userEvent.setup({ writeToClipboard: false });
  render(<App client={client} />);
  return { user, client };
}

/** Presses the browser's Back button. */
export function goBack() {
  return act(async () => {
    const gone = new Promise((resolve) => window.addEventListener("popstate", resolve, { once: true }));
    window.history.back();
    await gone;
  });
}

/** Waits for a message. An element found once may go: another one shows the text until the code of messages is loaded. */
export const expectMessage = (text: string | RegExp) =>
  waitFor(() => expect(screen.getAllByText(text)[0]).toBeVisible());

/** Checks that a form's button refuses to send, and keeps the focus meanwhile. */
export function expectWaiting(button: HTMLElement) {
  expect(button).toHaveAttribute("aria-disabled", "true");
  expect(button).toBeEnabled();
}
