export type TokenScope = "account" | "agent_deployment" | "environment";
export type TokenStatus = "active" | "suspended" | "revoked";

export interface ApiToken {
  type: "api_token";
  id: string;
  account_id: string;
  name: string | null;
  hint: string;
  token_scope: TokenScope;
  status: TokenStatus;
  agent_deployment_id: string | null;
  agent_id: string | null;
  agent_name: string | null;
  environment_id: string | null;
  environment_name: string | null;
  created_by_admin_user_id: string | null;
  created_by_api_token_id: string | null;
  created_by_name: string | null;
  expires_at: string;
  last_used_at: string | null;
  inserted_at: string;
  updated_at: string;
  available_actions: { suspend: boolean; activate: boolean; revoke: boolean; delete: boolean };
}

export interface Agent {
  type: "agent";
  id: string;
  name: string;
  status: "pending" | "active" | "dormant" | "retired";
  description: string | null;
  inserted_at: string;
  updated_at: string;
}

export interface Environment {
  type: "environment";
  id: string;
  account_id: string;
  name: string;
  purpose: string;
  description: string | null;
}

export interface Session {
  setup_required: boolean;
  admin_user: { id: string; email: string; name: string | null } | null;
  account: { id: string; name: string } | null;
  public_url: string | null;
  max_token_lifetime_days: number;
  default_token_lifetime_days: number;
}

export interface Pagination {
  item_count: number;
  item_start: number;
  item_end: number;
  page_count: number;
  page_index: number;
  page_offset: number;
  page_size: number;
  next_page_offset: number | null;
  previous_page_offset: number | null;
}

export interface Sorting {
  field: string;
  direction: string;
}
