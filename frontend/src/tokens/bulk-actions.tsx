import { X } from "lucide-react";
import { useEffect, useRef } from "react";
import { Button, IconButton } from "../ui/button";
import { useNow } from "../ui/clock";
import { pickId } from "../ui/picks";
import type { ApiToken, TokenFilter } from "../wire";
import { usePreview } from "./bulk-preview";
import { setBulkTask } from "./bulk-task";
import { amountOf, everything, nothing, type Selection, whereOf, without } from "./selection";
import { moves, movesFor } from "./token-moves";
import type { Move } from "./tokens";

interface BulkActionsProps {
  selection: Selection;
  change: (next: (selection: Selection) => Selection) => void;
  /** The conditions of the list. */
  filter: TokenFilter;
  /** The tokens on screen. */
  page: ApiToken[];
  /** The number of tokens that match. */
  matching: number;
}

/** What can be done with the selected tokens. It floats above the list, so that nothing moves. */
export default function BulkActions({ selection, change, filter, page, matching }: BulkActionsProps) {
  const { all, picked, anchor } = selection;
  const offered = useOffered(selection, filter, matching);
  const where = whereOf(selection, page, matching);
  const clear = useRef(() => {});
  useEffect(() => {
    clear.current = () => {
      change(() => nothing);
      (document.getElementById(pickId(anchor)) ?? document.getElementById(pickId()))?.focus();
    };
  });
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      if (event.key === "Escape" && !isElsewhere(event.target)) clear.current();
    }
    // Before a menu or dialog that the key closes is gone.
    window.addEventListener("keydown", onKeyDown, true);
    return () => window.removeEventListener("keydown", onKeyDown, true);
  }, []);

  function open(move: Move) {
    setBulkTask({
      move,
      target: all ? { filter } : { ids: [...picked.keys()] },
      known: all ? new Map(page.map((token) => [token.id, token])) : picked,
      row: page.find(({ id }) => all || picked.has(id))?.id,
      onRun: (covered, whole) => change((before) => (whole ? nothing : without(before, covered))),
    });
  }
  return (
    <div className="sticky bottom-32 z-10 h-0 lg:bottom-20">
      <section
        aria-label="Selected tokens"
        data-bulk
        className="mt-3 flex flex-wrap items-center gap-x-2 gap-y-1 rounded-box border border-line-strong bg-raised py-2 pr-2 pl-4 shadow-float max-lg:pl-2"
      >
        <p className="font-medium max-lg:flex-1 max-lg:pl-2">
          {all && "All "}
          {amountOf(selection, matching).toLocaleString("en")}{" "}
          <span className={where && "max-sm:sr-only"}>selected</span>
          {where}
        </p>
        {!all && matching > page.length && (
          <Button
            look="quiet"
            size="small"
            className="text-small text-accent-ink!"
            onClick={() => change(() => everything)}
          >
            Select all {matching.toLocaleString("en")} <span className="max-sm:sr-only">matching</span>
          </Button>
        )}
        <div className="grid grid-cols-4 gap-1.5 max-lg:order-1 max-lg:w-full lg:ml-auto lg:flex">
          {moves.map(({ move, label, icon: Icon, permanent }) => (
            <Button
              key={move}
              look={permanent ? "danger-quiet" : "secondary"}
              className="max-sm:px-1 max-sm:text-small"
              disabled={!offered.has(move)}
              icon={<Icon aria-hidden className="size-4 max-sm:hidden lg:max-xl:hidden" />}
              onClick={() => open(move)}
            >
              {label}
            </Button>
          ))}
        </div>
        <IconButton name="Clear selection" className="max-lg:ml-auto" onClick={() => clear.current()}>
          <X aria-hidden className="size-4" />
        </IconButton>
      </section>
    </div>
  );
}

/** Whether Escape closes or clears something else. */
function isElsewhere(target: EventTarget | null): boolean {
  return (
    document.querySelector("[role=dialog], [role=alertdialog], [role=menu]") !== null ||
    (target instanceof HTMLInputElement && target.type !== "checkbox" && target.value !== "")
  );
}

/** The moves that apply to at least one selected token. */
function useOffered({ all, picked }: Selection, filter: TokenFilter, matching: number): Set<Move> {
  const now = useNow();
  const { data } = usePreview("activate", filter, all, matching);
  if (!all) {
    const tokens = [...picked.values()];
    return new Set(
      tokens.flatMap((token) =>
        movesFor(token, now)
          .filter(({ obstacle }) => !obstacle)
          .map(({ move }) => move),
      ),
    );
  }
  const offered = new Set<Move>();
  if (!data) return offered;
  if (data.active > 0) offered.add("suspend");
  // Tokens of retired agents can't be activated, and for expired ones it would change nothing.
  if (data.suspended > 0 && data.applicable > 0) offered.add("activate");
  if (data.active + data.suspended + data.expired > 0) offered.add("revoke");
  if (data.revoked > 0) offered.add("delete");
  return offered;
}
