/** The pages that open without a session. */
export const entrances = ["/setup", "/sign-in", "/invite", "/invite/:code"] as const;

/** The pages of a signed-in user. */
export const pagePaths = [
  "/",
  "/account",
  "/account/details",
  "/account/team",
  "/account/invites",
  "/account/api-tokens",
  "/account/api-tokens/connect",
  "/account/api-tokens/:id",
  "/account/environments",
  "/account/audit",
  "/agents",
  "/agents/:id",
  "/agents/:id/deployments",
  "/agents/:id/instances",
  "/agents/:id/instances/:instance",
  "/agents/:id/versions",
  "/profile",
  "/cli/connect",
] as const;

export type PagePath = (typeof pagePaths)[number];
