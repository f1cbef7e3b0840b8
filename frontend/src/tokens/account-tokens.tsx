import { KeyRound } from "lucide-react";
import { lazy, Suspense, useRef } from "react";
import { Button } from "../ui/button";
import { type Creating, TokenList } from "./token-list";
import { useMovesUnderWay } from "./under-way";

// The page also works if this code fails to load.
const BackupBanner = lazy(() => import("./backup-banner").catch(() => ({ default: () => null })));
const MovesUnderWay = lazy(() => import("./moves-under-way").catch(() => ({ default: () => null })));

export function AccountTokens(props: Creating) {
  const moves = useMovesUnderWay();
  const moved = useRef(false);
  moved.current ||= Boolean(moves?.length);
  return (
    <>
      <Suspense fallback={null}>
        <BackupBanner />
      </Suspense>
      {/* A live region must be there before its text, and until after the end. */}
      <div role="status">
        <Suspense fallback={null}>{moves && moved.current && <MovesUnderWay moves={moves} />}</Suspense>
      </div>
      <TokenList
        name="API tokens"
        {...props}
        empty={{
          icon: KeyRound,
          title: "No API tokens yet",
          text: "Create one for a script, a CI job or a service that uses this account.",
          action: <Button onClick={() => props.onCreating(true)}>Create the first token</Button>,
        }}
      />
    </>
  );
}
