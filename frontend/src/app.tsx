import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClientProvider } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { messageOf } from "./api";
import { ErrorBoundary } from "./app/error-boundary";
import { createQueryClient } from "./app/query-client";
import { Routes } from "./app/routes";
import { useSession } from "./session/session";
import { Button } from "./ui/button";
import { useHeld } from "./ui/leave-guard";
import { Notice } from "./ui/notice";
import { TimeTooltip } from "./ui/time";
import { Toaster } from "./ui/toast";

/** The whole page. Tests give a query client of their own to look into. */
export function App({ client }: { client?: ReturnType<typeof createQueryClient> }) {
  const [own] = useState(() => client ?? createQueryClient());
  return (
    <ErrorBoundary>
      {/* The content security policy allows no style element of a script's making. */}
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

function Start() {
  const session = useSession();
  const held = useHeld();
  const shown = useRef(session.data);
  // A session that ends while a secret is on screen is noticed once the secret has been put away.
  if (!held) shown.current = session.data;
  if (shown.current) return <Routes session={shown.current} />;
  if (!session.error) return <p className="sr-only">Loading</p>;
  return (
    <main className="mx-auto max-w-120 px-4 pt-[16vh]">
      <h1 className="mb-4 text-title font-semibold">Tokentab</h1>
      <Notice
        tone="bad"
        action={
          <Button className="-my-1" onClick={() => void session.refetch()}>
            Try again
          </Button>
        }
      >
        {messageOf(session.error)}
      </Notice>
    </main>
  );
}
