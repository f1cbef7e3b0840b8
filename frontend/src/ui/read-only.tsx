import { createContext, type ReactNode, useContext } from "react";

/** Whether the user may look, but change nothing that is not their own. */
export const ReadOnly = createContext(false);

export const useReadOnly = () => useContext(ReadOnly);

/** Controls that change something. Users who may only look don't get them. */
export const Changing = ({ children }: { children: ReactNode }) => (useReadOnly() ? null : children);
