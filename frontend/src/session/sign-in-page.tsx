import { useTitle } from "../ui/title";
import { EntranceFrame } from "./entrance";
import { useSignIn } from "./session";
import { SignInForm } from "./sign-in-form";

export function SignInPage() {
  useTitle("Sign in");
  const signIn = useSignIn();
  return (
    <EntranceFrame title="Sign in">
      <SignInForm signIn={signIn} />
    </EntranceFrame>
  );
}
