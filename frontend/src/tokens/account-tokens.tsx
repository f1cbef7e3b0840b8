import { KeyRound } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import { Button } from "../ui/button";
import { EmptyList } from "../ui/list-frame";
import { useTitle } from "../ui/title";
import type { Lifetimes } from "./expiry";
import { TokenList } from "./token-list";
import { useMovesUnderWay } from "./under-way";

interface AccountTokensProps {
  publicUrl: string;
  lifetimes: Lifetimes;
  creating: boolean;
  onCreating: (creating: boolean) => void;
}

const everyToken = {};

// Seldom needed. If its code does not come, the page is as good without it.
const MovesUnderWay = lazy(() => import("./moves-under-way").catch(() => ({ default: () => null })));
const CreateAccountToken = lazy(() => import("./create-account-token"));

/** Every token of the account, and the dialog that makes account-wide ones. */
export function AccountTokens({ publicUrl, lifetimes, creating, onCreating }: AccountTokensProps) {
  useTitle("API tokens");
  const [fresh, setFresh] = useState<string>();
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
        filter={everyToken}
        fresh={fresh}
        empty={
          <EmptyList
            icon={<KeyRound aria-hidden className="size-6" />}
            title="No API tokens yet"
            text="Create one to let a script, a CI job or a service talk to this account."
            action={
              <Button look="secondary" onClick={() => onCreating(true)}>
                Create your first token
              </Button>
            }
          />
        }
      />
      <Suspense fallback={null}>
        {creating && (
          <CreateAccountToken
            publicUrl={publicUrl}
            lifetimes={lifetimes}
            onClose={(made) => {
              onCreating(false);
              setFresh(made);
            }}
          />
        )}
      </Suspense>
    </>
  );
}
