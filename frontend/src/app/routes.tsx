import { type ReactNode, Suspense } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { nextPath, signInPath } from "../session/next-path";
import type { Session, SessionUser } from "../wire";
import { NotFoundPage } from "./not-found-page";
import * as page from "./page-code";
import { Shell } from "./shell";

/** The session's values for a page. */
export interface RouteProps {
  publicUrl: string;
  lifetimes: { max: number; usual: number };
}

/** Chooses the page: set-up for a new server, sign-in without a session, else the page itself. */
export function Routes({ session }: { session: Session }) {
  const [location] = useLocation();
  const search = useSearch();
  if (session.setup_required) {
    return location === "/setup" ? <Alone page={<page.SetupPage />} /> : <Redirect to="/setup" replace />;
  }
  if (location === "/invite" || location.startsWith("/invite/")) {
    return <Alone page={<page.InvitePage signedInAs={session.admin_user?.email ?? null} />} />;
  }
  if (!session.admin_user || !session.account) {
    const wanted = search ? `${location}?${search}` : location;
    return location === "/sign-in" ? (
      <Alone page={<page.SignInPage />} />
    ) : (
      <Redirect to={signInPath(wanted)} replace />
    );
  }
  if (location === "/sign-in" || location === "/setup") {
    return <Redirect to={nextPath(search, window.location.origin)} replace />;
  }
  return (
    <Shell account={session.account} user={session.admin_user} onShown={page.loadNeighbours}>
      <Suspense fallback={null}>
        <Pages
          account={session.account}
          user={session.admin_user}
          publicUrl={session.public_url ?? window.location.origin}
          lifetimes={{ max: session.max_token_lifetime, usual: session.default_token_lifetime }}
        />
      </Suspense>
    </Shell>
  );
}

function Alone({ page }: { page: ReactNode }) {
  return <Suspense fallback={null}>{page}</Suspense>;
}

interface PagesProps extends RouteProps {
  account: { id: string; name: string };
  user: SessionUser;
}

function Pages({ account, user, ...props }: PagesProps) {
  return (
    <Switch>
      <Route path="/account/details">
        <page.DetailsRoute accountId={account.id} />
      </Route>
      <Route path="/account/team">
        <page.TeamRoute accountId={account.id} ownId={user.id} />
      </Route>
      <Route path="/account/invites">
        <page.InvitesPage />
      </Route>
      <Route path="/account/api-tokens">
        <page.ApiTokensRoute {...props} />
      </Route>
      <Route path="/account/api-tokens/connect">
        <page.ConnectRoute account={account} {...props} />
      </Route>
      <Route path="/account/environments">
        <page.EnvironmentsPage />
      </Route>
      <Route path="/profile">
        <page.ProfilePage user={user} />
      </Route>
      <Route path="/agents">
        <page.AgentsPage />
      </Route>
      <Route path="/agents/:id/deployments">
        {({ id }) => <page.DeploymentsRoute key={id} agentId={id} {...props} />}
      </Route>
      <Route path="/agents/:id/versions">{({ id }) => <page.VersionsRoute key={id} agentId={id} />}</Route>
      <Route path="/agents/:id">{({ id }) => <Redirect to={`/agents/${id}/deployments`} replace />}</Route>
      <Route path="/cli/connect">
        <page.CliConnectPage account={account} user={user} {...props} />
      </Route>
      <Route path="/account">
        <Redirect to="/account/api-tokens" replace />
      </Route>
      <Route path="/">
        <Redirect to="/account/api-tokens" replace />
      </Route>
      <Route>
        <NotFoundPage />
      </Route>
    </Switch>
  );
}
