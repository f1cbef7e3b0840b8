import { AlertDialog } from "@base-ui/react/alert-dialog";
import { useState } from "react";
import { Button } from "../ui/button";
import type { SessionUser } from "../wire";
import { useSignInAgain } from "./entering";
import { Brand } from "./entrance";
import { SignInForm } from "./sign-in-form";

interface SignInAgainProps {
  /** The user whose session ended. */
  user: SessionUser;
  /** Discards the input and opens the sign-in page. */
  onLeave: () => void;
}

/** Asks to sign in above an open form, which keeps its input. It hides the page, since the user may have left. */
export default function SignInAgain({ user, onLeave }: SignInAgainProps) {
  const signIn = useSignInAgain(user);
  // Left to itself, the focus would return to what opened the form.
  const [before] = useState(() => document.activeElement as HTMLElement | null);
  return (
    <AlertDialog.Root open>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="fixed inset-0 z-50 bg-page" forceRender />
        <AlertDialog.Popup className="fixed inset-0 z-50 overflow-y-auto" finalFocus={() => before}>
          <div className="mx-auto flex min-h-full max-w-96 flex-col px-4 pt-[12vh] pb-10">
            <Brand />
            <AlertDialog.Title className="text-title font-semibold">Your session has ended</AlertDialog.Title>
            <AlertDialog.Description className="mt-1 mb-6 text-soft">
              Sign in to continue. Nothing you typed is lost.
            </AlertDialog.Description>
            <SignInForm signIn={signIn} email={user.email} />
            <Button look="quiet" className="mt-2" onClick={onLeave}>
              Discard and leave
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
