import { render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { DateInput } from "./date-input";

const field = (min: string, max: string, value = "") => (
  <DateInput aria-label="End" type="datetime-local" min={min} max={max} value={value} onChange={vi.fn()} />
);

test("a date keeps its bounds as the clock goes on: Firefox would empty a half-typed one", () => {
  const { rerender } = render(field("2026-11-30T08:01", "2026-11-30T20:00"));
  rerender(field("2026-11-30T08:02", "2026-11-30T20:01"));
  const date = screen.getByLabelText("End");
  expect(date).toHaveAttribute("min", "2026-11-30T08:01");
  expect(date).toHaveAttribute("max", "2026-11-30T20:00");
});

test("a date shows a value that changed elsewhere", () => {
  const { rerender } = render(field("2026-11-30T08:01", "2026-11-30T20:00"));
  rerender(field("2026-11-30T08:01", "2026-11-30T20:00", "2026-11-30T12:00"));
  expect(screen.getByLabelText("End")).toHaveValue("2026-11-30T12:00");
});
