import { useEffect, useRef, useState } from "react";
import { Button } from "../ui/button";
import { CopyField } from "../ui/copy-field";
import { DialogBody, DialogFooter, DialogText, Question } from "../ui/dialog";
import { useLeaveGuard } from "../ui/leave-guard";
import type { Created } from "./tokens";

interface SecretFaceProps {
  created: Created;
  /** What PREFACTOR_API_URL has to be. */
  publicUrl: string;
  /** For a terminal that waits for the value alone. */
  bare?: boolean;
  /** The secret is copied, or given up on purpose. */
  onClose: () => void;
}

/** Shows the secret, the one time that it can be, and holds the page until it was copied. */
export function SecretFace({ created, publicUrl, bare = false, onClose }: SecretFaceProps) {
  const [copied, setCopied] = useState(false);
  const [asking, setAsking] = useState(false);
  useLeaveGuard(!copied, () => setAsking(true));
  const field = useRef<HTMLTextAreaElement>(null);
  // The button that had the focus went away with the form.
  useEffect(() => field.current?.focus(), []);

  const { secret } = created;
  const onCopied = () => setCopied(true);
  return (
    <>
      <DialogBody>
        <DialogText>
          {bare
            ? "Paste it in the terminal that waits for it. It is shown this once and stored nowhere."
            : "It is shown this once and stored nowhere. Without a copy you will need a new one."}
        </DialogText>
        <CopyField ref={field} label="Token value" what="token" value={secret} rows={5} onCopied={onCopied} />
        {!bare && (
          <>
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
          </>
        )}
      </DialogBody>
      <DialogFooter>
        <Button look="primary" onClick={() => (copied ? onClose() : setAsking(true))}>
          Done
        </Button>
      </DialogFooter>
      <Question
        open={asking}
        title="Close without copying?"
        yes="Close without copying"
        no="Back to the token"
        onYes={onClose}
        onNo={() => setAsking(false)}
      >
        <p>The token has not been copied yet. Once closed, it can’t be shown again.</p>
      </Question>
    </>
  );
}
