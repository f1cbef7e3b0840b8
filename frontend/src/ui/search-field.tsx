import { Search, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { IconButton } from "./button";

/** Milliseconds without a key after which the search begins. */
const pause = 250;

/** The longest text to search for, in characters. */
const longest = 200;

/** A searched text in one form: no characters without a shape, except those that join letters, and no outer spaces. */
export function searchText(text: string): string {
  return text
    .slice(0, longest)
    .replace(/[\p{Z}\s]+/gu, " ")
    .replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\ufffd]/gu, "")
    .replace(/^[\s\u200c\u200d]+|[\s\u200c\u200d]+$/g, "");
}

interface SearchFieldProps {
  /** Its name for screen readers. */
  label: string;
  placeholder: string;
  /** The text that is searched for now. */
  value: string;
  /** How often the search was cleared from outside. It also drops what is being typed. */
  cleared: number;
  /** Gets the typed text once the user pauses, presses Enter or clears it. */
  onSearch: (text: string) => void;
}

/** A field that searches while the user types. The key / focuses it, Escape clears it. */
export function SearchField({ label, placeholder, value, cleared, onSearch }: SearchFieldProps) {
  const [typed, setTyped] = useState(value);
  /** The last value known outside. A different one comes from elsewhere, such as the Back button. */
  const known = useRef(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (value === known.current) return;
    known.current = value;
    clearTimeout(timer.current);
    setTyped(value);
  }, [value]);
  useEffect(() => {
    // The timer would bring back what was typed before the filters were cleared.
    clearTimeout(timer.current);
    if (cleared) setTyped("");
  }, [cleared]);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => focusOnSlash(field), []);

  function search(text: string) {
    clearTimeout(timer.current);
    const next = searchText(text);
    if (next === known.current) return;
    known.current = next;
    onSearch(next);
  }
  function type(text: string) {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => search(text), pause);
  }
  function clear() {
    setTyped("");
    search("");
    field.current?.focus();
  }

  return (
    <div className="relative">
      <Search
        aria-hidden
        className="pointer-events-none absolute inset-y-0 left-2.5 my-auto size-4 text-soft"
      />
      <input
        ref={field}
        type="search"
        aria-label={label}
        aria-keyshortcuts="/"
        placeholder={placeholder}
        value={typed}
        maxLength={longest}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => type(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") search(typed);
          if (event.key !== "Escape" || !typed) return;
          event.preventDefault();
          clear();
        }}
        className="control pr-9 text-ellipsis pl-8.5 [&::-webkit-search-cancel-button]:hidden"
      />
      <div className="absolute inset-y-0 right-0 flex items-center">
        {typed ? (
          <IconButton name="Clear search" onClick={clear}>
            <X aria-hidden className="size-4" />
          </IconButton>
        ) : (
          <kbd
            aria-hidden
            className="pointer-events-none mr-2 rounded-[3px] border border-line px-1.5 text-small text-soft pointer-coarse:hidden"
          >
            /
          </kbd>
        )}
      </div>
    </div>
  );
}

/** Lets the key / focus the field, except while the user types elsewhere or a dialog covers it. */
function focusOnSlash(field: { current: HTMLInputElement | null }) {
  function onKeyDown(event: KeyboardEvent) {
    const { current } = field;
    const target = event.target instanceof Element ? event.target : null;
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (!current || target?.closest("input, textarea, select, [contenteditable], [role=menu], [role=dialog]"))
      return;
    if (current.closest("[inert], [aria-hidden=true]") || document.querySelector("[role=alertdialog]"))
      return;
    event.preventDefault();
    current.focus();
    current.select();
  }
  document.addEventListener("keydown", onKeyDown);
  return () => document.removeEventListener("keydown", onKeyDown);
}
