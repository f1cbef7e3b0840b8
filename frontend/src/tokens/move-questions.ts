import type { RowMove } from "./tokens";
import type { TokenState } from "./wording";

interface MoveAsked {
  title: string;
  yes: string;
  text: Record<TokenState, string>;
}

const neverAgain = "This can’t be undone. You can delete the token afterwards.";
const gone = "This removes the token from the list. It is already revoked, so nothing stops working.";

/** What is asked before a permanent move, and before one that a client would notice soon. */
export const questions: Partial<Record<RowMove, MoveAsked>> = {
  suspend: {
    title: "Suspend this token?",
    yes: "Suspend token",
    text: {
      active: "It is refused at once, until you activate it again.",
      suspended: "It is already suspended.",
      expired: "It has expired, so it is already refused.",
      revoked: "It is already revoked.",
    },
  },
  revoke: {
    title: "Revoke this token?",
    yes: "Revoke token",
    text: {
      active: "It stops working at once. This can’t be undone.",
      suspended: `It is suspended, so it is already refused. ${neverAgain}`,
      expired: `It has expired, so it is already refused. ${neverAgain}`,
      revoked: "It is already revoked.",
    },
  },
  delete: {
    title: "Delete this token?",
    yes: "Delete token",
    text: { active: gone, suspended: gone, expired: gone, revoked: gone },
  },
  end_old_secret: {
    title: "End the old secret now?",
    yes: "End old secret",
    text: {
      active:
        "Clients that still use the old secret are refused at once. The new one keeps working. This can’t be undone.",
      suspended:
        "The token is suspended, so both secrets are refused. The old one stays refused. This can’t be undone.",
      expired: "The token has expired, so both secrets are refused. This can’t be undone.",
      revoked: "The token is revoked, so both secrets are refused.",
    },
  },
};
