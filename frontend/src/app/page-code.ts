import { type ComponentType, lazy } from "react";

/* The code of each page, loaded when it is first needed. */

const loaders: (() => Promise<unknown>)[] = [];

/** A page that navigation, tabs and headers lead to: its code comes once there is nothing better to do. */
function near<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  loaders.push(load);
  return lazy(load);
}

const apiTokens = () => import("./api-tokens-route");

// Most visits open this page, so its code loads while the session does.
if (["/", "/account", "/account/api-tokens"].includes(window.location.pathname)) void apiTokens();
loaders.push(() => import("../tokens/create-dialog"));

export const ApiTokensRoute = near(apiTokens);
export const ConnectRoute = near(() => import("./connect-route"));
export const DetailsRoute = near(() => import("./details-route"));
export const TeamRoute = near(() => import("./team-route"));
export const InvitesPage = near(async () => ({
  default: (await import("../account/invites-page")).InvitesPage,
}));
export const EnvironmentsPage = near(async () => ({
  default: (await import("../account/environments-page")).EnvironmentsPage,
}));
export const AgentsPage = near(async () => ({ default: (await import("../agents/agents-page")).AgentsPage }));
export const DeploymentsRoute = near(() => import("./deployments-route"));
export const VersionsRoute = near(() => import("./versions-route"));
export const ProfilePage = near(async () => ({
  default: (await import("../session/profile-page")).ProfilePage,
}));
export const CliConnectPage = lazy(async () => ({
  default: (await import("../tokens/cli-connect-page")).CliConnectPage,
}));
export const InvitePage = lazy(async () => ({
  default: (await import("../session/invite-page")).InvitePage,
}));
export const SignInPage = lazy(async () => ({
  default: (await import("../session/sign-in-page")).SignInPage,
}));
export const SetupPage = lazy(async () => ({ default: (await import("../session/setup-page")).SetupPage }));

/** Fetches the code of all near pages, so that none of them opens with a gap. */
export function loadNeighbours() {
  // If one fails to load, opening the page loads it again and shows the error.
  for (const load of loaders) load().catch(() => {});
}
