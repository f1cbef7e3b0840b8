import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClientProvider, useQueryClient } from "@tanstack/react-query";
import { Suspense, useRef, useState } from "react";
import { actAs } from "./api";
import { ErrorBoundary } from "./app/error-boundary";
import "./app/held-keys";
import { createQueryClient } from "./app/query-client";
import { Routes } from "./app/routes";
import { forgetAccount, useSession } from "./session/session";
import { FirstShown } from "./ui/first-shown";
import { late } from "./ui/late";
import { useFormOpen, useHeld } from "./ui/leave-guard";
import { Failure } from "./ui/notice";
import { TimeTooltip } from "./ui/time";
import { Toaster } from "./ui/toast";
import type { Session } from "./wire";

const SignInAgain = late(
  () => import("./session/sign-in-again"),
  () => {},
);

/** The whole page. Tests pass a query client to inspect. */
export function App({ client }: { client?: ReturnType<typeof createQueryClient> }) {
  const [own] = useState(() => client ?? createQueryClient());
  return (
    <ErrorBoundary>
      {/* The content security policy forbids style elements. */}
      <CSPProvider disableStyleElements>
        <QueryClientProvider client={own}>
          <Start />
          <TimeTooltip />
          <Toaster />
        </QueryClientProvider>
      </CSPProvider>
    </ErrorBoundary>
  );
}

/** Whose data the page may show. */
const ownerOf = (session: Session | undefined) =>
  `${session?.admin_user?.id ?? ""} ${session?.account?.id ?? ""}`;

function Start() {
  const session = useSession();
  const client = useQueryClient();
  const held = useHeld();
  const formOpen = useFormOpen();
  const shown = useRef(session.data);
  const before = shown.current?.admin_user;
  const ended = Boolean(before && session.data && !session.data.admin_user);
  // The end of the session waits while a secret is shown. If a form is open, signing in happens above it.
  if (!held && !(ended && formOpen) && shown.current !== session.data) {
    // Before anything is shown to another user. The new key unmounts what would load the data again.
    if (ownerOf(shown.current) !== ownerOf(session.data)) forgetAccount(client);
    shown.current = session.data;
    actAs(session.data?.admin_user?.id);
  }
  if (shown.current) {
    return (
      <>
        <Routes key={ownerOf(shown.current)} session={shown.current} />
        {before && ended && formOpen && !held && (
          <Suspense fallback={null}>
            <SignInAgain user={before} onLeave={() => window.location.reload()} />
          </Suspense>
        )}
      </>
    );
  }
  if (!session.error) return null; // index.html shows that the page loads
  return (
    <main className="mx-auto max-w-120 px-4 pt-[16vh]">
      <FirstShown />
      <h1 className="mb-4 text-title font-semibold">Tokentab</h1>
      <Failure of={session} />
    </main>
  );
}
