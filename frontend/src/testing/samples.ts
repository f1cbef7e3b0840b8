import type { List, One } from "../api";
import type * as wire from "../wire";
import { ago, day, sample, stamps } from "./sample";

export function signedIn(more: Partial<wire.Session> = {}): One<wire.Session> {
  return {
    status: "success",
    details: {
      type: "session",
      setup_required: false,
      admin_user: {
        id: "user-1",
        email: "ada@acme.example",
        name: "Ada Lovelace",
        job_title: "Analyst",
        role: "admin",
      },
      account: { id: "account-1", name: "Acme" },
      notices: [],
      public_url: null,
      sends_mail: false,
      max_token_lifetime: 400 * 86_400,
      default_token_lifetime: 365 * 86_400,
      ...more,
    },
  };
}

export const signedOut = (more: Partial<wire.Session> = {}) =>
  signedIn({ admin_user: null, account: null, ...more });

export function actionsOf(status: wire.TokenStatus): wire.ApiToken["available_actions"] {
  return {
    suspend: status === "active",
    activate: status === "suspended",
    revoke: status !== "revoked",
    rotate: status !== "revoked",
    delete: status === "revoked",
  };
}

export const token = sample<wire.ApiToken>(({ status = "active" }) => ({
  type: "api_token",
  id: "token-1",
  account_id: "account-1",
  name: "CI",
  hint: "x7Qa",
  token_scope: "account",
  token_role: "manage",
  status,
  agent_deployment_id: null,
  agent_id: null,
  agent_name: null,
  agent_retired: false,
  environment_id: null,
  environment_name: null,
  created_by_admin_user_id: "user-1",
  created_by_api_token_id: null,
  created_by_name: "Ada Lovelace",
  expires_at: ago(-90 * day),
  revoked_at: null,
  revoked_by_admin_user_id: null,
  revoked_by_api_token_id: null,
  revoked_by_name: null,
  revoked_reason: null,
  suspended_at: null,
  suspended_by_admin_user_id: null,
  suspended_by_api_token_id: null,
  suspended_by_name: null,
  suspended_reason: null,
  rotated_at: null,
  last_used_at: ago(5 * 60_000),
  ...stamps(ago(3 * day)),
  available_actions: actionsOf(status),
}));

/** The uses in a token's row: 40 accepted on each of the last three days. */
export const rowUse = sample<NonNullable<wire.ApiToken["use"]>>(() => ({
  first_day: ago(29 * day).slice(0, 10),
  accepted: [...Array<number>(27).fill(0), 40, 40, 40],
  refused: Array<number>(30).fill(0),
  last_refused_at: null,
  still_tried: false,
}));

const none = (length: number) => ({
  accepted: Array<number>(length).fill(0),
  refused: Array<number>(length).fill(0),
});

/** How a token is used that never was. */
export const use = sample<wire.ApiTokenUse>(() => ({
  type: "api_token_use",
  api_token_id: "token-1",
  hours: { first: ago(47 * 3_600_000), ...none(48) },
  days: { first: ago(89 * day), ...none(90) },
  last_used_at: null,
  last_refused_at: null,
  last_hour: { since: ago(3_600_000), accepted: 0, refused: 0 },
  last_day: { since: ago(day), accepted: 0, refused: 0 },
  addresses: [],
  still_tried: false,
  counted_since: "2026-01-31T12:00:00Z",
  accuracy: { counts: "exact", last_uses: "exact", addresses: "sampled", sampled_every_seconds: 1 },
}));

export const tokenEvent = sample<wire.ApiTokenEvent>(() => ({
  type: "api_token_event",
  id: "event-1",
  action: "api_token.created",
  detail: null,
  actor_kind: "admin_user",
  actor_admin_user_id: "user-1",
  actor_api_token_id: null,
  actor_name: "Ada Lovelace",
  actor_address: "192.0.2.7",
  request_id: null,
  reason: null,
  inserted_at: ago(3 * day),
}));

export const auditEvent = sample<wire.AuditEvent>(() => ({
  type: "audit_event",
  id: "event-1",
  account_id: "account-1",
  action: "api_token.suspended",
  subject_id: "token-1",
  subject_name: "…W0tQ",
  actor_kind: "admin_user",
  actor_admin_user_id: "user-1",
  actor_api_token_id: null,
  actor_name: "Ada Lovelace",
  actor_address: "192.0.2.7",
  request_id: null,
  reason: null,
  detail: null,
  times: 1,
  sequence: 1,
  hash: "00",
  inserted_at: ago(3 * day),
}));

export const backup = sample<wire.Backup>(() => ({
  type: "backup",
  proven_at: null,
  bytes: 0,
  api_tokens: 0,
  failed_at: null,
  failure: null,
  restore: null,
}));

export const summary = sample<wire.ApiTokenSummary>(() => ({
  type: "api_token_summary",
  item_count: 60,
  active: 48,
  suspended: 3,
  expired: 4,
  revoked: 5,
  expiring: 2,
  unused: 7,
}));

export const move = sample<wire.TokenMove>(() => ({
  field: "environment_id",
  id: "environment-3",
  agent_name: null,
  environment_name: "Staging",
  created_by_name: null,
  status: "revoked",
  api_token_count: 812_400,
  written_count: 324_960,
  inserted_at: ago(60_000),
}));

/** The answer with the unfinished changes of many tokens, oldest first. */
export function moves(...underWay: wire.TokenMove[]): One<wire.TokenMoves> {
  return one({ type: "api_token_moves", moves: underWay });
}

export function deploymentToken(more: Partial<wire.ApiToken> = {}): wire.ApiToken {
  return token({
    id: "token-2",
    name: null,
    hint: "b8Kc",
    token_scope: "agent_deployment",
    agent_deployment_id: "deployment-1",
    agent_id: "agent-1",
    agent_name: "Invoice reader",
    environment_id: "environment-2",
    environment_name: "Production",
    ...more,
  });
}

export const environment = sample<wire.Environment>(() => ({
  type: "environment",
  id: "environment-1",
  account_id: "account-1",
  name: "Development",
  purpose: "development",
  description: null,
  agent_deployment_count: 0,
  live_api_token_count: 0,
  available_actions: { update: true, delete: true },
  ...stamps(ago(30 * day)),
}));

export const environments = [
  environment(),
  environment({ id: "environment-2", name: "Production", purpose: "production" }),
];

export const account = sample<wire.Account>(() => ({
  type: "account",
  id: "account-1",
  name: "Acme",
  purpose: "business",
  organisation_name: "Acme Robotics Ltd",
  website: "https://acme.example",
  ...stamps(ago(30 * day)),
}));

export const webhook = sample<wire.Webhook>(() => ({
  type: "webhook",
  url: "https://hooks.acme.example/tokens",
  last_attempt: null,
  ...stamps(ago(10 * day)),
}));

export const noWebhook = one(webhook({ url: null, inserted_at: null, updated_at: null }));

export const member = sample<wire.AdminUser>(() => ({
  type: "admin_user",
  id: "user-1",
  account_id: "account-1",
  email: "ada@acme.example",
  name: "Ada Lovelace",
  job_title: "Analyst",
  role: "admin",
  expiry_mail: true,
  ...stamps(ago(30 * day)),
  live_api_token_count: 0,
  set_webhook: false,
  available_actions: { remove: true, set_role: true },
}));

export const invite = sample<wire.AdminUserInvite>(() => ({
  type: "admin_user_invite",
  id: "invite-1",
  account_id: "account-1",
  email: "grace@acme.example",
  role: "admin",
  status: "pending",
  expired: false,
  invite_url: "http://tokentab.test/invite#the-code",
  created_by_admin_user_id: "user-1",
  created_by_api_token_id: null,
  created_by_name: "Ada",
  expires_at: ago(-5 * day),
  ...stamps(ago(2 * day)),
  available_actions: { revoke: true },
}));

export const ownSession = sample<wire.AdminSession>(() => ({
  type: "admin_session",
  id: "session-1",
  address: "192.0.2.7",
  user_agent:
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  inserted_at: ago(day),
  last_seen_at: ago(0),
  expires_at: ago(-13 * day),
  current: true,
}));

/** The answer with a list. By default its first page has all items. */
export function list<T>(items: T[], more: Partial<List<T>["pagination"]> = {}): List<T> {
  return {
    status: "success",
    summaries: items,
    pagination: {
      item_count: items.length,
      item_start: items.length > 0 ? 1 : 0,
      item_end: items.length,
      page_count: 1,
      page_index: 1,
      page_offset: 0,
      page_size: 50,
      next_page_offset: null,
      previous_page_offset: null,
      ...more,
    },
    sorting: { field: "inserted_at", direction: "desc" },
  };
}

export function one<T>(details: T): One<T> {
  return { status: "success", details };
}

/** The answer to a bulk change: each id with the reason why it was skipped, or null. */
export function bulkResult(
  results: [id: string, reason: string | null][],
  more: Partial<wire.TokenBulkResult> = {},
): wire.TokenBulkResult {
  const skipped = results.filter(([, reason]) => reason).length;
  return {
    type: "api_token_bulk",
    matched: results.length,
    active: results.length,
    suspended: 0,
    expired: 0,
    revoked: 0,
    applicable: results.length - skipped,
    results: results.map(([id, reason]) => ({
      id,
      outcome: reason ? "skipped" : "done",
      reason,
      message: reason && "The reason.",
    })),
    done: results.length - skipped,
    skipped,
    next: null,
    ...more,
  };
}
