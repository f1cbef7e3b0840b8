import { lazy } from "react";

/* The code of each page, loaded when it is first needed. */
const code = {
  apiTokens: () => import("./api-tokens-route"),
  connect: () => import("./connect-route"),
  details: () => import("./details-route"),
  team: () => import("./team-route"),
  invites: async () => ({ default: (await import("../account/invites-page")).InvitesPage }),
  environments: async () => ({ default: (await import("../account/environments-page")).EnvironmentsPage }),
  agents: async () => ({ default: (await import("../agents/agents-page")).AgentsPage }),
  deployments: () => import("./deployments-route"),
  versions: () => import("./versions-route"),
  profile: async () => ({ default: (await import("../session/profile-page")).ProfilePage }),
  cliConnect: async () => ({ default: (await import("../tokens/cli-connect-page")).CliConnectPage }),
  invite: async () => ({ default: (await import("../session/invite-page")).InvitePage }),
  signIn: async () => ({ default: (await import("../session/sign-in-page")).SignInPage }),
  createToken: () => import("../tokens/create-dialog"),
  setup: async () => ({ default: (await import("../session/setup-page")).SetupPage }),
};

// The page most visits lead to: its code comes while the session is still being asked for.
if (["/", "/account", "/account/api-tokens"].includes(window.location.pathname)) void code.apiTokens();

export const ApiTokensRoute = lazy(code.apiTokens);
export const ConnectRoute = lazy(code.connect);
export const DetailsRoute = lazy(code.details);
export const TeamRoute = lazy(code.team);
export const InvitesPage = lazy(code.invites);
export const EnvironmentsPage = lazy(code.environments);
export const AgentsPage = lazy(code.agents);
export const DeploymentsRoute = lazy(code.deployments);
export const VersionsRoute = lazy(code.versions);
export const ProfilePage = lazy(code.profile);
export const CliConnectPage = lazy(code.cliConnect);
export const InvitePage = lazy(code.invite);
export const SignInPage = lazy(code.signIn);
export const SetupPage = lazy(code.setup);

/** Fetches the code of what navigation, tabs and headers lead to, so that none of it opens with a gap. */
export function loadNeighbours() {
  const { apiTokens, connect, details, team, invites, environments, agents, deployments, versions, profile } =
    code;
  for (const load of [
    code.createToken,
    apiTokens,
    connect,
    details,
    team,
    invites,
    environments,
    agents,
    deployments,
    versions,
    profile,
  ]) {
    // One that does not come now is asked for again, and told about, when it is opened.
    load().catch(() => {});
  }
}
