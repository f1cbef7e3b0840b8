import { serverNow } from "../servertime";
import { Button } from "../ui/button";
import { useNow } from "../ui/clock";
import { Dialog, DialogBody, DialogFooter, DialogText } from "../ui/dialog";
import { DialogForm, useForm } from "../ui/form";
import { Notice } from "../ui/notice";
import { Segments } from "../ui/segments";
import { relativeTime } from "../ui/time-text";
import { announceFailure } from "../ui/toast";
import type { ApiToken } from "../wire";
import { type Creation, type Issuing, useIssuing } from "./creation";
import {
  type Expiry,
  expiryFields,
  expiryInstant,
  expiryProblem,
  type Lifetimes,
  spelledOut,
} from "./expiry";
import { ExpiryField } from "./expiry-field";
import { SecretFace } from "./faces";
import type { Rotation } from "./tokens";
import { stateOf, tokenTitle, withEnd } from "./wording";

const hour = 3_600;

const overlaps = [
  { value: "0", label: "End now" },
  { value: String(hour), label: "1 hour" },
  { value: String(24 * hour), label: "24 hours" },
  { value: String(7 * 24 * hour), label: "7 days" },
];

export interface Rotating {
  token: ApiToken;
  /** Whether the dialog begins with a new expiry. */
  renew: boolean;
}

interface RotateDialogProps {
  rotating: Rotating;
  publicUrl: string;
  lifetimes: Lifetimes;
  onClose: () => void;
}

const requestOf = ({ id }: ApiToken): Issuing => ({
  path: `/api_token/${encodeURIComponent(id)}/rotate`,
  hint: " The token may have been rotated. Try again to find out; that does not rotate it twice.",
  unanswered:
    "The token may have a new secret that no one has. If its row shows two secrets, rotate it again before the old one ends.",
});

/** The form, then the new secret, or that it was lost. Mounted only while open, so that closing forgets the secret. */
export default function RotateDialog({
  rotating: { token, renew },
  publicUrl,
  lifetimes,
  onClose,
}: RotateDialogProps) {
  const rotation = useIssuing<Rotation>(requestOf(token), () => {
    if (rotation.lost)
      announceFailure(`${tokenTitle(rotation.lost)} has a secret that no one has.`, token.id);
    onClose();
  });
  const { created, lost, copied, leave } = rotation;
  const title = renew ? "Renew this token" : "Rotate this token";
  return (
    <Dialog
      onClose={leave}
      asksOutside={created !== undefined && !copied}
      row={token.id}
      title={created ? "Save the new secret now" : lost ? "The new secret is lost" : title}
    >
      {created ? (
        <SecretFace
          created={created}
          creation={rotation}
          publicUrl={publicUrl}
          without={oldText(created.token)}
        />
      ) : lost ? (
        <Lost token={lost} onAgain={() => rotation.startOver(true)} onLeave={leave} />
      ) : (
        <RotationForm
          token={rotation.left ?? token}
          renew={renew}
          rotation={rotation}
          lifetimes={lifetimes}
        />
      )}
      {rotation.question}
    </Dialog>
  );
}

/** "The old secret …x7Qa works for 24 hours." */
function oldText({ old_secret: old }: ApiToken): string {
  return old
    ? `${withEnd("The old secret", old)} works until ${spelledOut(Date.parse(old.ends_at))}.`
    : "The old secret is refused from now on.";
}

interface RotationFormProps {
  token: ApiToken;
  renew: boolean;
  rotation: Creation<Rotation>;
  lifetimes: Lifetimes;
}

interface Values {
  overlap_seconds: string;
  expires_at: Expiry;
}

function RotationForm({ token, renew, rotation, lifetimes }: RotationFormProps) {
  const { request, unsettled } = rotation;
  const now = useNow();
  const present = Date.parse(token.expires_at);
  const expired = stateOf(token, now) === "expired";
  // An expired secret has no overlap, and of two secrets both end.
  const fixed = token.old_secret !== undefined || expired;
  const form = useForm<Values, Rotation, void>({
    start: {
      overlap_seconds: fixed ? "0" : String(24 * hour),
      expires_at: renew
        ? { kind: "length", seconds: Math.min(lifetimes.usual, lifetimes.max) }
        : { kind: "unchanged", at: present },
    },
    check: ({ expires_at }) =>
      unsettled ? {} : { expires_at: expiryProblem(expires_at, serverNow(), lifetimes.max) },
    request,
    details: ({ overlap_seconds, expires_at }) => ({
      overlap_seconds: Number(overlap_seconds),
      ...expiryFields(expires_at, serverNow()),
    }),
    hint: "",
  });
  const overlap = form.field("overlap_seconds");
  const expiry = form.field("expires_at");
  const ends = Math.min(
    now + Number(overlap.value) * 1000,
    present,
    expiryInstant(expiry.value, now) ?? Number.POSITIVE_INFINITY,
  );
  return (
    <DialogForm
      form={{ ...form, problem: form.problem && `${form.problem}${rotation.hint}` }}
      text={
        <>
          <strong className="font-medium text-ink wrap-anywhere">{tokenTitle(token)}</strong> gets a new
          secret. Its ID, scope and history stay.
        </>
      }
      yes={unsettled ? "Try again" : renew ? "Renew token" : "Rotate token"}
      no={unsettled ? "Close" : "Cancel"}
      onCancel={rotation.leave}
    >
      <fieldset disabled={unsettled !== undefined} className="grid min-w-0 gap-4 disabled:opacity-55">
        {token.old_secret && (
          <Notice tone="warn">
            This token has two secrets. Rotating it ends both at once. Clients need the new one before they
            are accepted again.
          </Notice>
        )}
        {!fixed && (
          <fieldset className="grid gap-1.5" aria-describedby="old-secret-means">
            <legend className="mb-1.5 font-medium">Old secret</legend>
            <Segments options={overlaps} value={overlap.value} onChange={overlap.onChange} />
            <p id="old-secret-means" className="min-h-4 text-small text-soft">
              {overlap.value === "0" ? endsNow(token, now) : `Works until ${spelledOut(ends)}`}
            </p>
          </fieldset>
        )}
        <ExpiryField
          {...expiry}
          present={expired ? undefined : present}
          lifetimes={lifetimes}
          errors={[...expiry.errors, ...form.toldOf("expires_in")]}
        />
      </fieldset>
    </DialogForm>
  );
}

function endsNow(token: ApiToken, now: number): string {
  const used = token.last_used_at
    ? `The token was last used ${relativeTime(Date.parse(token.last_used_at), now)}.`
    : "The token has never been used.";
  const mayInvite = token.token_scope === "account" && token.token_role === "manage";
  return `Refused at once. ${used}${mayInvite ? " Pending invites that it made are revoked. Tokens that it made stay valid." : ""}`;
}

interface LostProps {
  token: ApiToken;
  onAgain: () => void;
  onLeave: () => void;
}

function Lost({ token, onAgain, onLeave }: LostProps) {
  return (
    <>
      <DialogBody>
        <DialogText>
          <strong className="font-medium text-ink wrap-anywhere">{tokenTitle(token)}</strong> was rotated, but
          its new secret did not arrive and can’t be shown again. {oldText(token)} Rotate the token again to
          get another.
        </DialogText>
      </DialogBody>
      <DialogFooter>
        <Button onClick={onLeave}>Close</Button>
        <Button look="primary" autoFocus onClick={onAgain}>
          Rotate again
        </Button>
      </DialogFooter>
    </>
  );
}
