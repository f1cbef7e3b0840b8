import { type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "../ui/button";
import { CopyValue } from "../ui/copy-value";
import { Fact, Facts, Unknown } from "../ui/facts";
import { Failure } from "../ui/notice";
import { Changing } from "../ui/read-only";
import { Section } from "../ui/section";
import { Time } from "../ui/time";
import { announce, announceFailed } from "../ui/toast";
import type { WebhookAttempt } from "../wire";
import { useChangeExpiryMail, useExpiryMail, useTestWebhook, useWebhook } from "./notifications";
import { DeleteWebhookDialog, ReplaceSecretDialog, WebhookDialog } from "./webhook-dialogs";

const place = "notifications";

interface NotificationsSectionProps {
  account: string;
  user: string;
  /** Whether the server has a mail server. */
  sendsMail: boolean;
}

/** Where notices of expiring tokens go. */
export function NotificationsSection({ account, user, sendsMail }: NotificationsSectionProps) {
  const query = useWebhook(account);
  const webhook = query.data;
  const test = useTestWebhook(account);
  const [open, setOpen] = useState<"url" | "secret" | "delete">();
  const setUp = useRef<HTMLButtonElement>(null);
  const close = () => setOpen(undefined);
  // Mails link here. The browser does not find what is drawn later.
  useEffect(() => {
    if (window.location.hash === `#${place}`) document.getElementById(place)?.scrollIntoView();
  }, []);
  function send() {
    test.mutate(undefined, {
      onError: (error) => announceFailed(error, "The test was not sent.", "webhook"),
    });
  }
  return (
    <Section
      id={place}
      title="Expiry notifications"
      text="Sent 14 days, 3 days and 1 day before a token expires, and once it has. At most one message a day."
    >
      <Failure of={query} className="mb-3" />
      {(webhook || !query.error) && (
        <Facts>
          <Fact name="Webhook">
            {webhook &&
              (webhook.url === null ? (
                <Row value={<Unknown />}>
                  <Changing>
                    <Button ref={setUp} size="small" onClick={() => setOpen("url")}>
                      Set up webhook
                    </Button>
                  </Changing>
                </Row>
              ) : (
                <Row value={<CopyValue what="webhook URL" value={webhook.url} />}>
                  <Changing>
                    <Button size="small" onClick={() => setOpen("url")}>
                      Change URL
                    </Button>
                    <Button size="small" look="danger-quiet" onClick={() => setOpen("delete")}>
                      Delete
                    </Button>
                  </Changing>
                </Row>
              ))}
          </Fact>
          {webhook?.url && (
            <>
              <Fact name="Signing secret">
                <Row value={<Unknown>Shown only once.</Unknown>}>
                  <Changing>
                    <Button size="small" onClick={() => setOpen("secret")}>
                      Replace secret
                    </Button>
                  </Changing>
                </Row>
              </Fact>
              <Fact name="Last message">
                <Row value={<LastAttempt last={webhook.last_attempt} />}>
                  <Changing>
                    <Button size="small" busy={test.isPending} onClick={send}>
                      Send test
                    </Button>
                  </Changing>
                </Row>
              </Fact>
            </>
          )}
          <Fact name="Mail to you">
            {sendsMail ? <OwnMail user={user} /> : <Unknown>This server sends no mail.</Unknown>}
          </Fact>
        </Facts>
      )}
      {open === "url" && <WebhookDialog account={account} url={webhook?.url ?? null} onClose={close} />}
      {open === "secret" && <ReplaceSecretDialog account={account} onClose={close} />}
      {open === "delete" && (
        <DeleteWebhookDialog
          account={account}
          onClose={close}
          // The focused button is gone.
          onDone={() => setUp.current?.focus()}
        />
      )}
    </Section>
  );
}

/** A value with its buttons. */
function Row({ value, children }: { value: ReactNode; children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
      <div className="min-w-0 flex-1 basis-60">{value}</div>
      <div className="-my-1 flex flex-wrap gap-2">{children}</div>
    </div>
  );
}

function LastAttempt({ last }: { last: WebhookAttempt | null }) {
  const what = last?.message_type === "webhook.test" ? "Test" : "Message";
  return (
    <>
      {/* It announces the result of a test. */}
      <span role="status" className={last?.failure ? "text-bad-ink" : last ? "" : "text-soft"}>
        {!last
          ? "Nothing sent yet."
          : last.accepted
            ? `${what} accepted with status ${last.http_status}`
            : `${what} failed: ${last.failure}`}
      </span>{" "}
      {last && (
        <span className="text-soft">
          <Time at={last.at} past />
        </span>
      )}
    </>
  );
}

function OwnMail({ user }: { user: string }) {
  const own = useExpiryMail(user);
  const change = useChangeExpiryMail(user);
  if (own.error && !own.data) return <Failure of={own} />;
  if (!own.data) return null;
  const on = own.data.expiry_mail;
  return (
    <Row value={on ? "On" : <Unknown>Off</Unknown>}>
      <Button
        size="small"
        busy={change.isPending}
        onClick={() =>
          change.mutate(!on, {
            onSuccess: ({ expiry_mail }) =>
              announce(`Mail about expiring tokens turned ${expiry_mail ? "on" : "off"}.`),
            onError: (error) => announceFailed(error, "The setting was not changed."),
          })
        }
      >
        {on ? "Turn off" : "Turn on"}
      </Button>
    </Row>
  );
}
