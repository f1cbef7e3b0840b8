import { useEffect, useRef, useState } from "react";
import { fieldsOf, generalProblem } from "../api";
import { Button } from "../ui/button";
import { CopyField } from "../ui/copy-field";
import { Dialog, DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { Field } from "../ui/field";
import { Notice } from "../ui/notice";
import { Time } from "../ui/time";
import { type Invited, useInvite } from "./invites";

/** Mounted only while open: the next invite starts with an empty form. */
export function InviteDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return open ? <OpenDialog onClose={onClose} /> : null;
}

function OpenDialog({ onClose }: { onClose: () => void }) {
  const [invited, setInvited] = useState<Invited>();
  return (
    <Dialog open onClose={onClose} title={invited ? "Invite created" : "Invite a team member"}>
      {invited ? (
        <InvitedFace invited={invited} onClose={onClose} />
      ) : (
        <InviteForm onInvited={setInvited} onCancel={onClose} />
      )}
    </Dialog>
  );
}

function InviteForm({
  onInvited,
  onCancel,
}: {
  onInvited: (invited: Invited) => void;
  onCancel: () => void;
}) {
  const [email, setEmail] = useState("");
  const [empty, setEmpty] = useState(false);
  const invite = useInvite();
  const problem = generalProblem(invite.error, ["email"]);
  return (
    <form
      noValidate
      className="contents"
      onSubmit={(event) => {
        event.preventDefault();
        setEmpty(email.trim() === "");
        if (email.trim() === "" || invite.isPending) return;
        invite.mutate(email.trim(), { onSuccess: onInvited });
      }}
    >
      <DialogBody>
        <DialogText>
          They get a link that lets them set a name and a password, once, within 7 days. All members have the
          same rights.
        </DialogText>
        {problem && <Notice tone="bad">{problem}</Notice>}
        <Field
          label="Email"
          type="email"
          autoComplete="off"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
          errors={empty ? ["Enter an email address."] : fieldsOf(invite.error).email}
        />
      </DialogBody>
      <DialogFooter>
        <Button onClick={onCancel}>Cancel</Button>
        <Button look="primary" type="submit" busy={invite.isPending}>
          Create invite
        </Button>
      </DialogFooter>
    </form>
  );
}

/** The link, and whether it is on its way by mail already. It can be copied again from its row. */
export function InvitedFace({ invited, onClose }: { invited: Invited; onClose: () => void }) {
  const { invite, mailSent } = invited;
  const [copied, setCopied] = useState(false);
  const handedOver = copied || mailSent;
  const field = useRef<HTMLTextAreaElement>(null);
  // The button that had the focus went away with the form.
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
          It works once and ends <Time at={invite.expires_at} />. Whoever has it can join the account as{" "}
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
