import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useRef, useState } from "react";
import { expect, test } from "vitest";
import { Popover } from "./popover";

function Opener() {
  const [isOpen, setIsOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      <button ref={button} type="button" onClick={() => setIsOpen(!isOpen)}>
        Open
      </button>
      {isOpen && (
        <Popover anchor={button} title="Panel" onClose={() => setIsOpen(false)}>
          <input aria-label="Name" />
        </Popover>
      )}
    </>
  );
}

test("Escape closes a panel also while its button still has the focus", async () => {
  const user = userEvent.setup();
  render(<Opener />);
  await user.click(screen.getByText("Open"));
  expect(await screen.findByRole("dialog")).toBeInTheDocument();
  screen.getByText("Open").focus();
  await user.keyboard("{Escape}");
  expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
});
