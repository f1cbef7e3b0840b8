import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { type ComponentType, StrictMode, Suspense, useState } from "react";
import { describe, expect, test, vi } from "vitest";
import { late } from "./late";
import { Toaster } from "./toast";

interface Props {
  name: string;
  onClose: () => void;
}

const Shown = ({ name }: Props) => <p>{name} is there</p>;
const loaded = () => Promise.resolve({ default: Shown as ComponentType<Props> });
const missing = () => Promise.reject(new TypeError("Failed to fetch dynamically imported module"));

/** A frame that opens and closes something whose code loads late. */
function open(Late: ComponentType<Props>) {
  function Frame() {
    const [isOpen, setOpen] = useState(false);
    return (
      <>
        <button type="button" onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Leave" : "Enter"}
        </button>
        <Suspense fallback={<p>Coming</p>}>
          {isOpen && <Late name="The page" onClose={() => setOpen(false)} />}
        </Suspense>
        <Toaster />
      </>
    );
  }
  render(
    <StrictMode>
      <Frame />
    </StrictMode>,
  );
  const user = userEvent.setup();
  return async (button: string) => user.click(screen.getByRole("button", { name: button }));
}

describe("code that loads late", () => {
  test("loads once, when it is needed first", async () => {
    const load = vi.fn(loaded);
    const press = open(late(load));
    expect(load).not.toHaveBeenCalled();
    await press("Enter");
    expect(await screen.findByText("The page is there")).toBeVisible();
    await press("Leave");
    await press("Enter");
    expect(await screen.findByText("The page is there")).toBeVisible();
    expect(load).toHaveBeenCalledTimes(1);
  });

  test("and is missing says so in its place, keeps the rest, and loads again when it is needed again", async () => {
    const load = vi.fn(loaded).mockImplementationOnce(missing);
    const press = open(late(load));
    await press("Enter");
    expect(await screen.findByRole("alert")).toHaveTextContent(/^This could not be loaded\./);
    await press("Leave");
    await press("Enter");
    expect(await screen.findByText("The page is there")).toBeVisible();
    expect(load).toHaveBeenCalledTimes(2);
  });

  test("and is missing closes what it would have opened, says so, and loads again when it is opened again", async () => {
    const load = vi.fn(loaded).mockImplementationOnce(missing);
    const press = open(late(load, ({ onClose }) => onClose()));
    await press("Enter");
    await waitFor(() => expect(screen.getAllByText(/^This could not be loaded\..*reload/)).not.toEqual([]));
    expect(await screen.findByRole("button", { name: "Enter" })).toBeVisible();
    await press("Enter");
    expect(await screen.findByText("The page is there")).toBeVisible();
  });
});
