import { type ReactNode, Suspense, useEffect } from "react";
import { type DefaultParams, Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { useRefreshSession, useSessionEnded } from "../session/session";
import { BulkHost } from "../tokens/bulk-host";
import { Bar, TitleBar } from "../ui/bar";
import { FirstShown } from "../ui/first-shown";
import { announce } from "../ui/toast";
import type { Session } from "../wire";
import { nextPath, signInPath } from "./next-path";
import { NotFoundPage } from "./not-found-page";
import type { PageProps } from "./page-props";
import { InvitePage, loadNeighbours, pages, SetupPage, SignInPage } from "./pages";
import { pagePaths } from "./paths";
import { Shell } from "./shell";

/** Chooses the page: set-up for a new server, sign-in without a session, else the page itself. */
export function Routes({ session }: { session: Session }) {
  const [location] = useLocation();
  const search = useSearch();
  const onSessionChange = useRefreshSession();
  const onSessionEnd = useSessionEnded();
  if (session.setup_required) {
    return location === "/setup" ? <Alone page={<SetupPage />} /> : <Redirect to="/setup" replace />;
  }
  if (location === "/invite" || location.startsWith("/invite/")) {
    return <Alone page={<InvitePage signedInAs={session.admin_user?.email ?? null} />} />;
  }
  if (!session.admin_user || !session.account) {
    const wanted = search ? `${location}?${search}` : location;
    return location === "/sign-in" ? (
      <Alone page={<SignInPage />} />
    ) : (
      <Redirect to={signInPath(wanted)} replace state={{ from: location }} />
    );
  }
  if (location === "/sign-in" || location === "/setup") {
    // The set-up itself has removed the code of its link.
    const link = location === "/setup" && window.location.hash !== "";
    return <Entered to={nextPath(search, window.location.origin)} link={link} />;
  }
  return (
    <Shell
      account={session.account}
      user={session.admin_user}
      notices={session.notices}
      onShown={loadNeighbours}
    >
      <Suspense fallback={<Coming />}>
        <Pages
          account={session.account}
          user={session.admin_user}
          publicUrl={session.public_url ?? window.location.origin}
          lifetimes={{ max: session.max_token_lifetime, usual: session.default_token_lifetime }}
          sendsMail={session.sends_mail}
          onSessionChange={onSessionChange}
          onSessionEnd={onSessionEnd}
        />
      </Suspense>
      <BulkHost />
    </Shell>
  );
}

/** Leads from an entrance to a page of the account. */
function Entered({ to, link }: { to: string; link: boolean }) {
  useEffect(() => {
    if (link) announce("Tokentab is set up already.");
  }, [link]);
  return <Redirect to={to} replace />;
}

/** The frame of a page without sign-in. */
function Alone({ page }: { page: ReactNode }) {
  return (
    <main className="mx-auto max-w-96 px-4 pt-[12vh] pb-10">
      <FirstShown />
      <Suspense fallback={<Coming />}>{page}</Suspense>
    </main>
  );
}

/** In the place of a page whose code is loading. A fast connection never shows it. */
function Coming() {
  return (
    <div className="first grid justify-items-start gap-6">
      <h1 className="py-0.5 text-title">
        <TitleBar />
      </h1>
      <Bar className="w-80" />
      <Bar className="w-60" />
    </div>
  );
}

function Pages(props: Omit<PageProps, "id" | "instance">) {
  return (
    <Switch>
      {pagePaths.map((path) => (
        <Route<DefaultParams> key={path} path={path}>
          {({ id = "", instance = "" }) => {
            const Page = pages[path];
            return <Page key={`${id}/${instance}`} id={id} instance={instance} {...props} />;
          }}
        </Route>
      ))}
      <Route>
        <NotFoundPage />
      </Route>
    </Switch>
  );
}
