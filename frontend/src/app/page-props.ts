import type { SessionUser } from "../wire";

/** The values that every page gets: those of the session, and the ids in the address. */
export interface PageProps {
  account: { id: string; name: string };
  user: SessionUser;
  publicUrl: string;
  lifetimes: { max: number; usual: number };
  /** Whether the server has a mail server. */
  sendsMail: boolean;
  /** The first id in the address. */
  id: string;
  /** The id of an agent's instance. */
  instance: string;
  /** Called after a change of something that the session contains. */
  onSessionChange: () => void;
  /** Called after a request that ended the session. */
  onSessionEnd: () => void;
}
