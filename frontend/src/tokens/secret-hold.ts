import { useState } from "react";
import { useLeaveGuard } from "../ui/leave-guard";

/** Keeps a secret on screen until it was copied, or given up on purpose. */
export interface SecretHold {
  copied: boolean;
  onCopied: () => void;
  /** Whether the question is open. */
  asking: boolean;
  /** Every way out: closes once the secret was copied, and asks before that. */
  leave: () => void;
  stay: () => void;
  giveUp: () => void;
}

export function useSecretHold(shown: boolean, onClose: () => void): SecretHold {
  const [copied, setCopied] = useState(false);
  const [asking, setAsking] = useState(false);
  useLeaveGuard(shown && !copied, () => setAsking(true));
  return {
    copied,
    onCopied: () => setCopied(true),
    asking,
    leave: () => (copied ? onClose() : setAsking(true)),
    stay: () => setAsking(false),
    giveUp: onClose,
  };
}
