import { useEffect, useRef, useState } from "react";
import { Button } from "../ui/button";
import { CopyField } from "../ui/copy-field";
import { Dialog, DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field } from "../ui/field";
import { DialogForm, useForm } from "../ui/form";
import { Time } from "../ui/time";
import { type Invited, useInvite } from "./invites";

/** The form, then the link. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const [invited, setInvited] = useState<Invited>();
  const form = useForm({
    start: { email: "" },
    check: ({ email }) => ({ email: email.trim() ? null : "Enter an email address." }),
    request: useInvite(),
    details: ({ email }) => ({ email: email.trim() }),
    onDone: setInvited,
  });
  return (
    <Dialog onClose={onClose} title={invited ? "Invite created" : "Invite a team member"}>
      {invited ? (
        <InvitedFace invited={invited} onClose={onClose} />
      ) : (
        <DialogForm
          form={form}
          text="They get a link to set a name and a password. It works once, within 7 days. All members have the same rights."
          yes="Create invite"
          onCancel={onClose}
        >
          <Field label="Email" type="email" {...form.field("email")} autoComplete="off" />
        </DialogForm>
      )}
    </Dialog>
  );
}

function InvitedFace({ invited, onClose }: { invited: Invited; onClose: () => void }) {
  const { invite, mailSent } = invited;
  const [copied, setCopied] = useState(false);
  const handedOver = copied || mailSent;
  const field = useRef<HTMLTextAreaElement>(null);
  // The focused button is gone with the form.
  useEffect(() => field.current?.focus(), []);
  return (
    <>
      <DialogBody>
        <DialogText>
          {mailSent
            ? `A mail with this link was sent to ${invite.email}.`
            : `No mail was sent. Give this link to ${invite.email} yourself.`}
        </DialogText>
        <CopyField
          ref={field}
          label="Invite URL"
          what="invite URL"
          value={invite.invite_url ?? ""}
          rows="all"
          primary={!handedOver}
          onCopied={() => setCopied(true)}
        />
        <p className="text-small text-soft">
          It works once and ends <Time at={invite.expires_at} />. Anyone with the link can join the account as{" "}
          <span className="wrap-anywhere">{invite.email}</span>.
        </p>
      </DialogBody>
      <DialogFooter>
        <Button look={handedOver ? "primary" : "secondary"} onClick={onClose}>
          Done
        </Button>
      </DialogFooter>
    </>
  );
}
