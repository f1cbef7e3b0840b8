import { act, render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";

vi.mock("./toaster", () => {
  throw new Error("The code was not found.");
});

test("messages show even if their code fails to load", async () => {
  vi.resetModules(); // tests of other files have loaded it
  const { announce, announceFailure, dismissMessages, Toaster } = await import("./toast");
  render(<Toaster />);
  expect(screen.getByRole("status")).toBeEmptyDOMElement();
  act(() => announce("Saved."));
  expect(screen.getByRole("status")).toHaveTextContent("Saved.");
  await act(async () => announceFailure("Not saved."));
  expect(screen.getByRole("status")).toHaveTextContent("Not saved.");
  act(() => dismissMessages());
  expect(screen.getByRole("status")).toBeEmptyDOMElement();
});
