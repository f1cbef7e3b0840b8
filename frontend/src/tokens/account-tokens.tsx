import { KeyRound } from "lucide-react";
import { lazy, Suspense, useRef } from "react";
import { Button } from "../ui/button";
import { useTitle } from "../ui/title";
import { type Creating, TokenList } from "./token-list";
import { useMovesUnderWay } from "./under-way";

// Seldom needed. If its code does not come, the page is as good without it.
const MovesUnderWay = lazy(() => import("./moves-under-way").catch(() => ({ default: () => null })));

/** Every token of the account, and the dialog that makes account-wide ones. */
export function AccountTokens(props: Creating) {
  useTitle("API tokens");
  const moves = useMovesUnderWay();
  const moved = useRef(false);
  moved.current ||= Boolean(moves?.length);
  return (
    <>
      {/* There before it has something to say, and left there to tell the end. */}
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
          action: <Button onClick={() => props.onCreating(true)}>Create your first token</Button>,
        }}
      />
    </>
  );
}
