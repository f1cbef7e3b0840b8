import { act, render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { announce, announceFailure, dismissMessages, Toaster } from "./toast";

vi.mock("./toaster", () => {
  throw new Error("The code was not found.");
});

test("messages show even if their code fails to load", async () => {
  render(<Toaster />);
  expect(screen.getByRole("status")).toBeEmptyDOMElement();
  act(() => announce("Saved."));
  expect(screen.getByRole("status")).toHaveTextContent("Saved.");
  await act(async () => announceFailure("Not saved."));
  expect(screen.getByRole("status")).toHaveTextContent("Not saved.");
  act(() => dismissMessages());
  expect(screen.getByRole("status")).toBeEmptyDOMElement();
});
