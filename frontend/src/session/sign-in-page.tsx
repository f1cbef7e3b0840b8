import { useTitle } from "../ui/page";
import { useSignIn } from "./entering";
import { Entrance } from "./entrance";
import { SignInForm } from "./sign-in-form";

export default function SignInPage() {
  useTitle("Sign in");
  const signIn = useSignIn();
  return (
    <Entrance title="Sign in">
      <SignInForm signIn={signIn} />
    </Entrance>
  );
}
