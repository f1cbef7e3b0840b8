import { useEffect, useRef, useState } from "react";
import { Dialog } from "../ui/dialog";
import { useLeaveGuard } from "../ui/leave-guard";
import { announceFailure } from "../ui/toast";
import { useCreation } from "./creation";
import type { Lifetimes } from "./expiry";
import { LostFace } from "./lost-face";
import { SecretFace } from "./secret-face";
import { useSecretHold } from "./secret-hold";
import { TokenForm } from "./token-form";
import { UnsettledQuestion } from "./unsettled";
import { tokenTitle } from "./wording";

interface CreateDialogProps {
  /** Called with the id of the token that was made, if one was. */
  onClose: (made?: string) => void;
  /** What PREFACTOR_API_URL has to be. */
  publicUrl: string;
  lifetimes: Lifetimes;
  /** Whose deployment token it will be; without an agent it is one of the account. */
  agent?: { id: string; name: string };
}

/**
 * A dialog with two faces: the form, then the secret, or that it was lost. It is mounted only while open, so that
 * closing it forgets the secret together with everything else it held.
 */
export default function CreateDialog({ onClose, publicUrl, lifetimes, agent }: CreateDialogProps) {
  const creation = useCreation();
  const { created, lost, left, unsettled } = creation;
  const busy = creation.request.isPending;
  const [asking, setAsking] = useState(false);
  const made = created?.token ?? lost ?? left;
  const close = () => {
    if (lost) announceFailure(`${tokenTitle(lost)} stays active, and no one has its secret.`, lost.id);
    onClose(made?.id);
  };
  const hold = useSecretHold(created !== undefined, close);
  const leaveForm = () => {
    // While the answer with the secret is on its way, closing could lose it.
    if (busy) return;
    if (unsettled) setAsking(true);
    else close();
  };
  const typed = useRef<HTMLDivElement>(null);
  const wasLost = useRef(false);
  useEffect(() => {
    // The button that had the focus went away with the other face.
    if (wasLost.current && !lost) typed.current?.querySelector("input")?.focus();
    wasLost.current = lost !== undefined;
  }, [lost]);
  useLeaveGuard(busy && !created, () => {});
  useLeaveGuard(unsettled && !busy, leaveForm, false);

  const title = agent ? "Create deployment token" : "Create API token";
  return (
    <Dialog
      onClose={created ? hold.leave : leaveForm}
      asksOutside={created !== undefined && !hold.copied}
      title={created ? "Save this token now" : lost ? "The secret of this token is lost" : title}
    >
      {created ? (
        <SecretFace created={created} hold={hold} publicUrl={publicUrl} />
      ) : (
        <>
          {lost && <LostFace token={lost} onStartOver={creation.startOver} />}
          {/* It keeps what was typed for another try. */}
          <div ref={typed} className={lost ? "hidden" : "contents"}>
            <TokenForm creation={creation} lifetimes={lifetimes} agent={agent} onCancel={leaveForm} />
          </div>
        </>
      )}
      {asking && <UnsettledQuestion onYes={close} onNo={() => setAsking(false)} />}
    </Dialog>
  );
}
