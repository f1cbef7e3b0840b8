import { type ReactNode, useState } from "react";
import { Dialog } from "../ui/dialog";
import { useLeaveGuard } from "../ui/leave-guard";
import { SecretFace } from "./secret-face";
import type { Created } from "./tokens";

interface FormFace {
  onCreated: (created: Created) => void;
  onBusy: (busy: boolean) => void;
  onCancel: () => void;
}

interface CreateDialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  /** What PREFACTOR_API_URL has to be. */
  publicUrl: string;
  /** The first face: asks what is needed and makes the token. */
  form: (face: FormFace) => ReactNode;
}

/**
 * A dialog with two faces: the form, then the secret. It is mounted only while open, so that closing it forgets
 * the secret together with everything else it held.
 */
export function CreateDialog({ open, ...rest }: CreateDialogProps) {
  return open ? <OpenDialog {...rest} /> : null;
}

function OpenDialog({ onClose, title, publicUrl, form }: Omit<CreateDialogProps, "open">) {
  const [created, setCreated] = useState<Created>();
  const [busy, setBusy] = useState(false);
  useLeaveGuard(busy && !created, () => {});

  return (
    <Dialog
      open
      // Escape closes the form only: while the answer is awaited or the secret is shown, it could lose a token.
      onClose={() => {
        if (!busy && !created) onClose();
      }}
      title={created ? "Save this token now" : title}
    >
      {created ? (
        <SecretFace created={created} publicUrl={publicUrl} onClose={onClose} />
      ) : (
        form({ onCreated: setCreated, onBusy: setBusy, onCancel: onClose })
      )}
    </Dialog>
  );
}
