import { useState } from "react";
import { useSearchParams } from "wouter";
import { leavePlace } from "../ui/pager";
import { conditions, type Filter, type Find, readFind } from "./find";

export interface Finding {
  find: Find;
  /** Whether any condition limits the list. */
  narrowed: boolean;
  /** Changes conditions, and leads to the first page. Undefined ones no longer limit the list. */
  change: (next: Find, how?: { replace: boolean }) => void;
  /** Drops all conditions except the order. */
  clear: () => void;
  /** How often `clear` and `reset` were called. */
  cleared: number;
  /** Returns to the list as it opens. */
  reset: () => void;
}

/** The conditions in the address. `without` are those that the page itself sets. */
export function useFind(without: Filter[]): Finding {
  const [address, setAddress] = useSearchParams();
  const [cleared, setCleared] = useState(0);
  const find = readFind(address, without);
  const { sort, ...limits } = find;
  function change(next: Find, how?: { replace: boolean }) {
    setAddress((before) => {
      const after = new URLSearchParams(before);
      leavePlace(after);
      for (const name of conditions.filter((one) => one in next)) {
        const value = next[name];
        if (value) after.set(name, value);
        else after.delete(name);
      }
      return after;
    }, how);
  }
  const nothing: Find = Object.fromEntries(conditions.map((name) => [name, undefined]));
  return {
    find,
    narrowed: Object.keys(limits).length > 0,
    change,
    cleared,
    clear: () => {
      setCleared(cleared + 1);
      change({ ...nothing, sort });
    },
    reset: () => {
      setCleared(cleared + 1);
      if (address.size > 0) change(nothing);
    },
  };
}
