import { useEffect, useRef } from "react";
import { Button } from "../ui/button";
import { CopyField } from "../ui/copy-field";
import { DialogBody, DialogFooter, DialogText, Question } from "../ui/dialog";
import type { Created } from "./creation";
import type { SecretHold } from "./secret-hold";
import { tokenTitle } from "./wording";

interface SecretFaceProps {
  created: Created;
  hold: SecretHold;
  /** What PREFACTOR_API_URL has to be. */
  publicUrl: string;
  /** For a terminal that waits for the value alone. */
  bare?: boolean;
}

/** Shows the secret, the one time that it can be. */
export function SecretFace({ created, hold, publicUrl, bare = false }: SecretFaceProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  // The button that had the focus went away with the form.
  useEffect(() => field.current?.focus(), []);

  const { token, secret } = created;
  const { copied, onCopied } = hold;
  return (
    <>
      <DialogBody>
        <DialogText>
          <strong className="font-medium text-ink wrap-anywhere">{tokenTitle(token)}</strong>
          {bare
            ? " is shown only once and stored nowhere. Paste it into the waiting terminal."
            : " is shown only once and stored nowhere. Without a copy, you will need a new token."}
        </DialogText>
        <CopyField
          ref={field}
          label="Token value"
          what="token"
          value={secret}
          rows="all"
          primary={!copied}
          onCopied={onCopied}
        />
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
              rows={3}
              onCopied={onCopied}
            />
          </>
        )}
      </DialogBody>
      <DialogFooter>
        <Button look={copied ? "primary" : "secondary"} onClick={hold.leave}>
          Done
        </Button>
      </DialogFooter>
      {hold.asking && (
        <Question
          title="Close without copying?"
          yes="Close without copying"
          no="Back to the token"
          onYes={hold.giveUp}
          onNo={hold.stay}
        >
          <p>The token has not been copied yet. Once closed, it can’t be shown again.</p>
        </Question>
      )}
    </>
  );
}
