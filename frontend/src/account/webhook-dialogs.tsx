import { type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "../ui/button";
import { CopyField } from "../ui/copy-field";
import { Dialog, DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { useFailureText, useWait } from "../ui/failure-text";
import { Field } from "../ui/field";
import { DialogForm, useForm } from "../ui/form";
import { useLeaveGuard } from "../ui/leave-guard";
import { Notice } from "../ui/notice";
import { Question, RequestQuestion } from "../ui/question";
import { SendButton } from "../ui/send-button";
import { useSendOnce } from "../ui/send-once";
import { announce } from "../ui/toast";
import { useDeleteWebhook, useReplaceSecret, useSetWebhook } from "./notifications";

interface WebhookDialogProps {
  account: string;
  /** The present URL; null for a new webhook. */
  url: string | null;
  onClose: () => void;
}

/** A form for the URL. The secret of a new webhook follows, or that it was lost. */
export function WebhookDialog({ account, url: present, onClose }: WebhookDialogProps) {
  // After a lost answer, the page shows a webhook whose secret is still to be shown.
  const [url] = useState(present);
  const { request, secret } = useSetWebhook(account);
  const replacing = useReplaceSecret(account);
  const form = useForm({
    start: { url: url ?? "" },
    check: (values) => ({ url: values.url.trim() ? null : "Enter the address that gets the messages." }),
    request,
    details: (values) => ({ url: values.url.trim() }),
    onDone: ({ hasSecret }) => {
      // The present webhook may have been deleted meanwhile. This is then a new one, whose secret follows.
      if (url === null || hasSecret) return;
      onClose();
      announce("Webhook URL changed.");
    },
  });
  if (url === null && request.isSuccess && !secret) {
    return (
      <SecretDialog
        secret={replacing.secret}
        busy={replacing.request.isPending}
        title="The signing secret is lost"
        onClose={onClose}
      >
        <ReplaceFace
          request={replacing.request}
          isSecondFace
          text="The webhook is set up, but its secret did not arrive and can’t be shown again. Replace it to get another."
          onClose={onClose}
        />
      </SecretDialog>
    );
  }
  return (
    <SecretDialog
      secret={secret}
      busy={form.busy}
      title={url === null ? "Set up webhook" : "Change webhook URL"}
      onClose={onClose}
    >
      <DialogForm
        form={form}
        text={
          url === null
            ? "Tokentab posts a signed message there before tokens expire."
            : "The signing secret stays the same."
        }
        yes={url === null ? "Set up webhook" : "Change URL"}
        onCancel={onClose}
      >
        <Field
          label="URL"
          type="url"
          inputMode="url"
          autoComplete="off"
          spellCheck={false}
          placeholder="https://example.com/webhook"
          {...form.field("url")}
        />
      </DialogForm>
    </SecretDialog>
  );
}

interface ChangeDialogProps {
  account: string;
  onClose: () => void;
}

export function ReplaceSecretDialog({ account, onClose }: ChangeDialogProps) {
  const { request, secret } = useReplaceSecret(account);
  return (
    <SecretDialog
      secret={secret}
      busy={request.isPending}
      title="Replace the signing secret?"
      onClose={onClose}
    >
      <ReplaceFace
        request={request}
        text="The next message is signed with the new secret. Until the receiver has it, messages are refused."
        onClose={onClose}
      />
    </SecretDialog>
  );
}

interface ReplaceFaceProps {
  request: ReturnType<typeof useReplaceSecret>["request"];
  text: string;
  /** Whether it follows another face of its dialog, whose focused button is gone. */
  isSecondFace?: boolean;
  onClose: () => void;
}

function ReplaceFace({
  request: { mutate, isPending, error },
  text,
  isSecondFace = false,
  onClose,
}: ReplaceFaceProps) {
  const send = useSendOnce(mutate);
  const failure = useFailureText(
    error,
    "The secret may have been replaced, and no one has the new one. Replace it again to get another.",
  );
  return (
    <>
      <DialogBody>
        <DialogText>{text}</DialogText>
        {failure.text && <Notice tone="bad">{failure.text}</Notice>}
      </DialogBody>
      <DialogFooter>
        <Button onClick={onClose} disabled={isPending}>
          Cancel
        </Button>
        <SendButton autoFocus={isSecondFace} busy={isPending} wait={useWait(error)} onClick={() => send()}>
          Replace secret
        </SendButton>
      </DialogFooter>
    </>
  );
}

interface SecretDialogProps {
  secret: string | undefined;
  /** Whether a request for one is under way. */
  busy: boolean;
  /** Of the dialog before there is a secret. */
  title: string;
  onClose: () => void;
  /** What leads to the secret. */
  children: ReactNode;
}

/** Shows a secret once there is one. Closing waits for it, and asks first until it was copied. */
function SecretDialog({ secret, busy, title, onClose, children }: SecretDialogProps) {
  const [copied, setCopied] = useState(false);
  const [asking, setAsking] = useState(false);
  const unsaved = secret !== undefined && !copied;
  function leave() {
    if (unsaved) setAsking(true);
    else if (!busy) onClose();
  }
  useLeaveGuard(busy || unsaved, leave);
  return (
    <Dialog title={secret ? "Save this secret now" : title} asksOutside={unsaved} onClose={leave}>
      {secret ? (
        <SecretFace secret={secret} copied={copied} onCopied={() => setCopied(true)} onDone={leave} />
      ) : (
        children
      )}
      {asking && (
        <Question
          title="Close without copying?"
          yes="Close without copying"
          no="Back to the secret"
          onYes={onClose}
          onNo={() => setAsking(false)}
        >
          <p>The secret has not been copied yet. Once closed, it can’t be shown again.</p>
        </Question>
      )}
    </Dialog>
  );
}

interface SecretFaceProps {
  secret: string;
  copied: boolean;
  onCopied: () => void;
  onDone: () => void;
}

function SecretFace({ secret, copied, onCopied, onDone }: SecretFaceProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  // The focused button is gone with what was here before.
  useEffect(() => field.current?.focus(), []);
  return (
    <>
      <DialogBody>
        <DialogText>
          The receiver verifies messages with it. It is shown only once; without a copy, replace it.
        </DialogText>
        <CopyField
          ref={field}
          label="Signing secret"
          what="secret"
          value={secret}
          rows="all"
          primary={!copied}
          onCopied={onCopied}
        />
      </DialogBody>
      <DialogFooter>
        <Button look={copied ? "primary" : "secondary"} onClick={onDone}>
          Done
        </Button>
      </DialogFooter>
    </>
  );
}

interface DeleteWebhookDialogProps extends ChangeDialogProps {
  /** Called after the webhook is deleted. */
  onDone: () => void;
}

export function DeleteWebhookDialog({ account, onClose, onDone }: DeleteWebhookDialogProps) {
  return (
    <RequestQuestion
      title="Delete the webhook?"
      yes="Delete webhook"
      request={useDeleteWebhook(account)}
      done={() => "Webhook deleted."}
      onClose={onClose}
      onDone={onDone}
    >
      <p>Its receiver gets no more messages, and its secret is deleted. This can’t be undone.</p>
    </RequestQuestion>
  );
}
