import { useEffect, useRef } from "react";
import { Dialog } from "../ui/dialog";
import { announceFailure } from "../ui/toast";
import { useCreation } from "./creation";
import type { Lifetimes } from "./expiry";
import { LostFace, SecretFace } from "./faces";
import { TokenForm } from "./token-form";
import { tokenTitle } from "./wording";

interface CreateDialogProps {
  /** Gets the id of the new token, if there is one. */
  onClose: (made?: string) => void;
  publicUrl: string;
  lifetimes: Lifetimes;
  /** Set for a deployment token, absent for an account token. */
  agent?: { id: string; name: string };
}

/** The form, then the secret, or that it was lost. Mounted only while open, so that closing forgets the secret. */
export default function CreateDialog({ onClose, publicUrl, lifetimes, agent }: CreateDialogProps) {
  const creation = useCreation(() => {
    if (lost) announceFailure(`${tokenTitle(lost)} stays active, and no one has its secret.`, lost.id);
    onClose((created?.token ?? lost ?? left)?.id);
  });
  const { created, lost, left, copied, leave } = creation;
  const typed = useRef<HTMLDivElement>(null);
  const wasLost = useRef(false);
  useEffect(() => {
    // The focused button is gone with the other face.
    if (wasLost.current && !lost) typed.current?.querySelector("input")?.focus();
    wasLost.current = lost !== undefined;
  }, [lost]);

  const title = agent ? "Create deployment token" : "Create API token";
  return (
    <Dialog
      onClose={leave}
      asksOutside={created !== undefined && !copied}
      title={created ? "Save this token now" : lost ? "The secret of this token is lost" : title}
    >
      {created ? (
        <SecretFace created={created} creation={creation} publicUrl={publicUrl} agentId={agent?.id} />
      ) : (
        <>
          {lost && <LostFace token={lost} onStartOver={creation.startOver} />}
          {/* It keeps its input for another try. */}
          <div ref={typed} className={lost ? "hidden" : "contents"}>
            <TokenForm creation={creation} lifetimes={lifetimes} agent={agent} />
          </div>
        </>
      )}
      {creation.question}
    </Dialog>
  );
}
