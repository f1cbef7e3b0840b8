import { useTitle } from "../ui/page";
import { useSignIn } from "./entering";
import { Entrance } from "./entrance";
import { SignInForm } from "./sign-in-form";

export default function SignInPage() {
  useTitle("Sign in");
  const signIn = useSignIn();
  return (
    <Entrance
      title="Sign in"
      text={
        history.state?.from === "/setup" &&
        "Tokentab is set up already. Sign in with the password chosen then, or ask a member for an invite."
      }
    >
      <SignInForm signIn={signIn} />
    </Entrance>
  );
}
