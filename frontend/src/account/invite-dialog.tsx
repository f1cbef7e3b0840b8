import { useEffect, useRef, useState } from "react";
import { Button } from "../ui/button";
import { CopyField } from "../ui/copy-field";
import { Dialog, DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field } from "../ui/field";
import { DialogForm, useForm } from "../ui/form";
import { Time } from "../ui/time";
import type { Role } from "../wire";
import { type Invited, useInvite } from "./invites";
import { RoleChoice } from "./role-choice";

/** The form, then the link. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const [invited, setInvited] = useState<Invited>();
  const form = useForm<{ email: string; role: Role }, { email: string; role: Role }, Invited>({
    start: { email: "", role: "admin" },
    check: ({ email }) => ({ email: email.trim() ? null : "Enter an email address." }),
    request: useInvite(),
    details: ({ email, role }) => ({ email: email.trim(), role }),
    onDone: setInvited,
  });
  return (
    <Dialog busy={form.busy} onClose={onClose} title={invited ? "Invite created" : "Invite a team member"}>
      {invited ? (
        <InvitedFace invited={invited} onClose={onClose} />
      ) : (
        <DialogForm
          form={form}
          text="They get a link to set a name and a password. It works once, within 7 days."
          yes="Create invite"
          onCancel={onClose}
        >
          <Field label="Email" type="email" {...form.field("email")} autoComplete="off" />
          <RoleChoice {...form.field("role")} />
        </DialogForm>
      )}
    </Dialog>
  );
}

function InvitedFace({ invited, onClose }: { invited: Invited; onClose: () => void }) {
  const { invite, mailSent, mailMayArrive } = invited;
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
            ? `An email with this link was sent to ${invite.email}.`
            : mailMayArrive
              ? `The mail to ${invite.email} may still arrive. If it does not, give them this link yourself.`
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
