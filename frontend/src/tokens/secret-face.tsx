import { useEffect, useRef } from "react";
import { Button } from "../ui/button";
import { CopyField } from "../ui/copy-field";
import { DialogBody, DialogFooter, DialogText, Question } from "../ui/dialog";
import type { Created } from "./tokens";

interface SecretFaceProps {
  created: Created;
  publicUrl: string;
  onCopied: () => void;
  /** Whether the question before losing an uncopied secret is open. */
  asking: boolean;
  onAsk: (asking: boolean) => void;
  onDone: () => void;
  onClose: () => void;
}

/** Shows the secret, the one time that it can be. */
export function SecretFace({
  created,
  publicUrl,
  onCopied,
  asking,
  onAsk,
  onDone,
  onClose,
}: SecretFaceProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  // The button that had the focus went away with the form.
  useEffect(() => field.current?.focus(), []);

  const { secret } = created;
  return (
    <>
      <DialogBody>
        <DialogText>
          It is shown this once and stored nowhere. Without a copy you will need a new one.
        </DialogText>
        <CopyField ref={field} label="Token value" what="token" value={secret} rows={5} onCopied={onCopied} />
        <CopyField
          label="Environment variables"
          what="variables"
          value={`PREFACTOR_API_URL=${publicUrl}\nPREFACTOR_API_TOKEN=${secret}`}
          rows={3}
          onCopied={onCopied}
        />
        <CopyField
          label="Test command"
          what="command"
          value={`curl -H "Authorization: Bearer ${secret}" ${publicUrl}/api/v1/ping`}
          rows={2}
          onCopied={onCopied}
        />
      </DialogBody>
      <DialogFooter>
        <Button look="primary" onClick={onDone}>
          Done
        </Button>
      </DialogFooter>
      <Question
        open={asking}
        title="Close without copying?"
        yes="Close without copying"
        no="Back to the token"
        onYes={onClose}
        onNo={() => onAsk(false)}
      >
        <p>The token has not been copied yet. Once closed, it can’t be shown again.</p>
      </Question>
    </>
  );
}
