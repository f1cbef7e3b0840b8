import type { AuditEvent } from "../wire";

/* What an event says in words: the actor, the deed and the subject. */

interface Deed {
  /** What the actor did. The name of the subject follows, unless `alone`. */
  words: string;
  /** The same if the subject is the actor. */
  own?: string;
  /** The same if the subject has no name any more. By default its id stands for it. */
  nameless?: string;
  alone?: boolean;
}

const to = (words: string, own?: string, nameless?: string): Deed => ({ words, own, nameless });
const alone = (words: string): Deed => ({ words, alone: true });

const deeds: Record<AuditEvent["action"], Deed> = {
  "account.created": alone("created the account"),
  "account.updated": alone("changed the account’s details"),
  "account.deleted": alone("deleted the account"),
  "admin_user.created": to("added member", "joined the account", "added a member"),
  "admin_user.updated": to("changed the profile of", "changed their profile"),
  "admin_user.removed": to("removed member", "left the account", "removed a member"),
  "admin_user.role_changed": to("changed the role of", "changed their own role"),
  "admin_user.password_changed": to("changed the password of", "changed their password"),
  "admin_user_invite.created": alone("created an invite"),
  "admin_user_invite.used": alone("accepted an invite"),
  "admin_user_invite.revoked": alone("revoked an invite"),
  "session.created": to("signed in as", "signed in"),
  "session.ended": to("ended sessions of", "ended a session"),
  "environment.created": to("created environment"),
  "environment.updated": to("changed environment"),
  "environment.deleted": to("deleted environment"),
  "agent.created": to("registered agent"),
  "agent.updated": to("changed agent"),
  "agent.retired": to("retired agent"),
  "agent.reinstated": to("reinstated agent"),
  "agent.deleted": to("deleted agent"),
  "agent_deployment.created": to("created deployment"),
  "agent_deployment.updated": to("changed deployment"),
  "agent_deployment.deleted": to("deleted deployment"),
  "agent_version.created": to("created agent version"),
  "agent_schema_version.created": to("created schema version"),
  "agent_instance.terminated": to("terminated instance"),
  "api_token.created": to("created token"),
  "api_token.suspended": to("suspended token"),
  "api_token.activated": to("activated token"),
  "api_token.revoked": to("revoked token", "revoked itself"),
  "api_token.rotated": to("rotated token", "rotated itself"),
  "api_token.old_secret_ended": to("ended the old secret of token", "ended its old secret"),
  "api_token.overlap_corrected": to("corrected the end of the old secret of token"),
  "api_token.deleted": to("deleted token"),
  "webhook.created": alone("set up the webhook"),
  "webhook.updated": alone("changed the webhook"),
  "webhook.secret_replaced": alone("replaced the webhook’s secret"),
  "webhook.deleted": alone("deleted the webhook"),
  "signing_key.created": alone("created a signing key"),
  "signing_key.withdrawn": alone("withdrew a signing key"),
  "backup.restored": alone("restored a backup"),
  "session.refused": to("failed to sign in as", undefined, "failed to sign in"),
  "admin_user.password_refused": to("gave a wrong password of", "gave a wrong current password"),
  "api_token.refused": to("presented the refused token"),
  "request.refused": alone("was refused a request"),
  "restore.reviewed": alone("reviewed the restored tokens"),
  "audit.chain_started": alone("began an audit trail"),
  "database.confirmed": alone("confirmed the database"),
};

/** A name and the page of what it names, if that exists. */
export interface Named {
  text: string;
  href?: string;
}

/** An event as a sentence. */
export interface Said {
  actor: Named;
  deed: string;
  subject?: Named;
}

/** The sentence for an event. For an unknown action, the deed is the action's name. */
export function said(event: AuditEvent): Said {
  const actor = actorOf(event);
  const deed = Object.hasOwn(deeds, event.action) ? deeds[event.action] : undefined;
  if (deed?.alone) return { actor, deed: deed.words };
  const isOwn = [event.actor_admin_user_id, event.actor_api_token_id].includes(event.subject_id);
  if (isOwn && deed?.own) return { actor, deed: deed.own };
  if (!event.subject_name && deed?.nameless) return { actor, deed: deed.nameless };
  return { actor, deed: deed?.words ?? event.action, subject: subjectOf(event) };
}

const tokenPage = (id: string) => `/account/api-tokens/${encodeURIComponent(id)}`;

/** Actors without an id, by their kind. */
export const kinds: Record<string, string> = {
  command_line: "The command line",
  server: "The server",
  stranger: "Someone not signed in",
};

function actorOf({ actor_name, actor_admin_user_id, actor_api_token_id, actor_kind }: AuditEvent): Named {
  if (actor_name) {
    return { text: actor_name, href: actor_api_token_id ? tokenPage(actor_api_token_id) : undefined };
  }
  if (actor_api_token_id) return { text: "A deleted token" };
  return { text: actor_admin_user_id ? "A former member" : (kinds[actor_kind ?? ""] ?? "The server") };
}

/** A deleted subject has no name and no page. */
function subjectOf({ action, subject_id, subject_name }: AuditEvent): Named | undefined {
  if (!subject_id) return undefined;
  const [kind] = action.split(".");
  if (!subject_name) {
    const isPerson = kind === "admin_user" || kind === "session";
    return { text: isPerson ? "a former member" : `with ID ${shortId(subject_id)}` };
  }
  if (kind === "api_token") return { text: subject_name, href: tokenPage(subject_id) };
  if (kind === "agent") return { text: subject_name, href: `/agents/${encodeURIComponent(subject_id)}` };
  return { text: subject_name };
}

/** The end of an id, which differs within an account. */
export const shortId = (id: string) => `…${id.slice(-8)}`;
