import type { components } from "./schema.gen";

/** Schemas allow unknown fields, since the server may add some. Without them, a misspelt field is an error here. */
type Known<T> = T extends (infer Item)[]
  ? Known<Item>[]
  : T extends object
    ? { [K in keyof T as string extends K ? never : K]: Known<T[K]> }
    : T;

type Schemas = components["schemas"];

export type ApiToken = Known<Schemas["ApiToken"]>;
export type ApiTokenUse = Known<Schemas["TokenUse"]>;
export type ApiTokenEvent = Known<Schemas["TokenEvent"]>;
export type ApiTokenSummary = Known<Schemas["TokenSummary"]>;
export type TokenFilter = Known<Schemas["TokensMeant"]>;
export type TokenBulk = Known<Schemas["TokenBulk"]>;
export type TokenBulkResult = Known<Schemas["TokenBulkResult"]>;
export type TokenBulkOutcome = Known<Schemas["TokenBulkOutcome"]>;
export type TokenScope = ApiToken["token_scope"];
export type TokenStatus = ApiToken["status"];
export type TokenMoves = Known<Schemas["TokenMoves"]>;
export type TokenMove = Known<Schemas["TokenMove"]>;
export type Changed = Known<Schemas["Changed"]>;
export type Agent = Known<Schemas["Agent"]>;
export type AgentActivity = Known<Schemas["AgentActivity"]>;
export type AgentInstance = Known<Schemas["AgentInstance"]>;
export type InstanceStatus = AgentInstance["status"];
export type AgentSpan = Known<Schemas["AgentSpan"]>;
export type AgentVersion = Known<Schemas["AgentVersion"]>;
export type Account = Known<Schemas["Account"]>;
export type AccountContents = Known<Schemas["AccountContents"]>;
export type AuditEvent = Known<Schemas["AuditEvent"]>;
export type Backup = Known<Schemas["Backup"]>;
export type Webhook = Known<Schemas["Webhook"]>;
export type WebhookAttempt = NonNullable<Webhook["last_attempt"]>;
export type AdminUser = Known<Schemas["AdminUser"]>;
export type AdminUserInvite = Known<Schemas["AdminUserInvite"]>;
export type Invite = Known<Schemas["Invite"]>;
export type AdminSession = Known<Schemas["AdminSession"]>;
export type AccountPurpose = Account["purpose"];
export type Environment = Known<Schemas["Environment"]>;
export type EnvironmentPurpose = Environment["purpose"];
export type Session = Known<Schemas["Session"]>;
export type MemberNotice = Session["notices"][number];
export type Role = AdminUser["role"];
export type SessionUser = NonNullable<Session["admin_user"]>;
export type AgentDeployment = Known<Schemas["AgentDeployment"]>;
export type Pagination = Known<Schemas["Pagination"]>;
export type Sorting = Known<Schemas["Sorting"]>;

export type NewApiToken = Known<Schemas["NewApiToken"]>;
export type SignIn = Known<Schemas["SignIn"]>;
export type SetUp = Known<Schemas["SetUp"]>;
