import { lazy, type ReactNode, Suspense } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { nextPath, signInPath } from "../session/next-path";
import type { Session } from "../wire";
import { NotFoundPage } from "./not-found-page";
import { Shell } from "./shell";

/** What the session tells a page. */
export interface RouteProps {
  publicUrl: string;
  lifetimes: { max: number; usual: number };
}

const loadApiTokens = () => import("./api-tokens-route");
// The page most visits lead to: its code comes while the session is still being asked for.
if (window.location.pathname === "/" || window.location.pathname.startsWith("/account")) void loadApiTokens();

const ApiTokensRoute = lazy(loadApiTokens);
const DeploymentsRoute = lazy(() => import("./deployments-route"));
const AgentsPage = lazy(async () => ({ default: (await import("../agents/agents-page")).AgentsPage }));
const SignInPage = lazy(async () => ({ default: (await import("../session/sign-in-page")).SignInPage }));
const SetupPage = lazy(async () => ({ default: (await import("../session/setup-page")).SetupPage }));

/** Sends everyone where they belong: a new server to set-up, a stranger to sign-in, a user to the page. */
export function Routes({ session }: { session: Session }) {
  const [location] = useLocation();
  const search = useSearch();
  if (session.setup_required) {
    return location === "/setup" ? <Alone page={<SetupPage />} /> : <Redirect to="/setup" replace />;
  }
  if (!session.admin_user || !session.account) {
    const wanted = search ? `${location}?${search}` : location;
    return location === "/sign-in" ? (
      <Alone page={<SignInPage />} />
    ) : (
      <Redirect to={signInPath(wanted)} replace />
    );
  }
  if (location === "/sign-in" || location === "/setup") {
    return <Redirect to={nextPath(search, window.location.origin)} replace />;
  }
  return (
    <Shell account={session.account} user={session.admin_user}>
      <Suspense fallback={null}>
        <Pages
          publicUrl={session.public_url ?? window.location.origin}
          lifetimes={{ max: session.max_token_lifetime_days, usual: session.default_token_lifetime_days }}
        />
      </Suspense>
    </Shell>
  );
}

function Alone({ page }: { page: ReactNode }) {
  return <Suspense fallback={null}>{page}</Suspense>;
}

function Pages(props: RouteProps) {
  return (
    <Switch>
      <Route path="/account/api-tokens">
        <ApiTokensRoute {...props} />
      </Route>
      <Route path="/agents">
        <AgentsPage />
      </Route>
      <Route path="/agents/:id/deployments">
        {({ id }) => <DeploymentsRoute key={id} agentId={id} {...props} />}
      </Route>
      <Route path="/agents/:id">{({ id }) => <Redirect to={`/agents/${id}/deployments`} replace />}</Route>
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
