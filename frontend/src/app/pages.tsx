import type { ComponentType } from "react";
import { Redirect } from "wouter";
import { late } from "../ui/late";
import { loadToaster } from "../ui/toast";
import type { PageProps } from "./page-props";
import type { PagePath } from "./paths";

/* Every page, with code that loads when it is first needed. */

const loaders: (() => Promise<unknown>)[] = [
  loadToaster,
  () => import("../tokens/create-dialog"),
  () => import("../tokens/filter-panel"),
  () => import("../tokens/move-question"),
  () => import("../tokens/bulk-actions"),
  () => import("../tokens/bulk-dialog"),
  () => import("../session/sign-in-again"),
];

/** A page that navigation, tabs and headers lead to. loadNeighbours loads its code. */
function near<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  loaders.push(load);
  return late(load);
}

const apiTokens = () => import("./api-tokens-route");

// Most visits open this page, so its code loads while the session does.
if (["/", "/account", "/account/api-tokens"].includes(window.location.pathname)) apiTokens().catch(() => {});

/** Keeps the query: links to the shorter address may have one. */
const moved = (to: string) => <Redirect to={to + window.location.search} replace />;

const ToApiTokens = () => moved("/account/api-tokens");

export const pages: Record<PagePath, ComponentType<PageProps>> = {
  "/": ToApiTokens,
  "/account": ToApiTokens,
  "/account/api-tokens": near(apiTokens),
  "/account/api-tokens/connect": near(() => import("./connect-route")),
  "/account/api-tokens/:id": near(() => import("./token-route")),
  "/account/details": near(() => import("../account/details-page")),
  "/account/team": near(() => import("../account/team-page")),
  "/account/invites": near(() => import("../account/invites-page")),
  "/account/environments": near(() => import("../account/environments-page")),
  "/account/audit": near(() => import("../account/audit-page")),
  "/agents": near(() => import("../agents/agents-page")),
  "/agents/:id": ({ id }) => moved(`/agents/${id}/deployments`),
  "/agents/:id/deployments": near(() => import("./deployments-route")),
  "/agents/:id/instances": near(() => import("../agents/instances-page")),
  "/agents/:id/instances/:instance": near(() => import("../agents/instance-page")),
  "/agents/:id/versions": near(() => import("../agents/versions-page")),
  "/profile": near(() => import("../session/profile-page")),
  "/cli/connect": late(() => import("../tokens/cli-connect-page")),
};

export const InvitePage = late(() => import("../session/invite-page"));
export const SignInPage = near(() => import("../session/sign-in-page"));
export const SetupPage = late(() => import("../session/setup-page"));

/** Loads the code of all near pages, so that none of them opens with a gap. */
export function loadNeighbours() {
  // If one fails to load, opening it loads it again and says so.
  for (const load of loaders) load().catch(() => {});
}
