import { useEffect, useRef } from "react";
import { messageOf } from "../api";
import { Button } from "../ui/button";
import { CopyField } from "../ui/copy-field";
import { DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Notice } from "../ui/notice";
import { announce } from "../ui/toast";
import type { ApiToken } from "../wire";
import type { Created, Creation } from "./creation";
import { SnippetPicker } from "./snippet-picker";
import { useMoveToken } from "./tokens";
import { tokenTitle } from "./wording";

interface SecretFaceProps {
  created: Created;
  creation: Pick<Creation, "copied" | "onCopied" | "leave">;
  publicUrl: string;
  /** Shows the value alone, for a waiting terminal. */
  bare?: boolean;
  /** The agent of a new deployment token, for a program that runs it. */
  agentId?: string;
  /** Follows that the secret is shown only once. */
  without?: string;
}

/** Shows the secret. */
export function SecretFace({
  created: { token, secret },
  creation: { copied, onCopied, leave },
  publicUrl,
  bare = false,
  agentId,
  without = "Without a copy, you will need a new token.",
}: SecretFaceProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  // The focused button is gone with the form.
  useEffect(() => field.current?.focus(), []);
  return (
    <>
      <DialogBody>
        <DialogText>
          <strong className="font-medium text-ink wrap-anywhere">{tokenTitle(token)}</strong>
          {bare
            ? " is shown only once and stored nowhere. Paste it into the waiting terminal."
            : ` is shown only once and stored nowhere. ${without}`}
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
            {agentId && (
              <SnippetPicker url={publicUrl} secret={secret} agentId={agentId} onCopied={onCopied} />
            )}
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
        <Button look={copied ? "primary" : "secondary"} onClick={leave}>
          Done
        </Button>
      </DialogFooter>
    </>
  );
}

interface LostFaceProps {
  token: ApiToken;
  onStartOver: (stays: boolean) => void;
}

/** Offers to revoke a token whose secret was lost. */
export function LostFace({ token, onStartOver }: LostFaceProps) {
  const { mutate, isPending, error } = useMoveToken();
  function onSuccess() {
    announce(`${tokenTitle(token)} revoked. You can create another token now.`, token.id);
    onStartOver(false);
  }
  return (
    <>
      <DialogBody>
        <DialogText>
          <strong className="font-medium text-ink wrap-anywhere">{tokenTitle(token)}</strong> is active, but
          its secret did not arrive and can’t be shown again. Revoke it, then create another.
        </DialogText>
        {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      </DialogBody>
      <DialogFooter>
        <Button onClick={() => onStartOver(true)} disabled={isPending}>
          Keep it and try again
        </Button>
        <Button
          look="danger"
          autoFocus
          busy={isPending}
          onClick={() => mutate({ token, move: "revoke" }, { onSuccess })}
        >
          Revoke token
        </Button>
      </DialogFooter>
    </>
  );
}
