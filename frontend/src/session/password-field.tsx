import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import { IconButton } from "../ui/button";
import { Field, type FieldProps } from "../ui/field";

/** The minimum length of a new password, in characters. */
const shortest = 12;

export const passwordHint = `Any characters, ${shortest} or more.`;

/** Checks the length of a new password; null if it is long enough. */
export function passwordProblem(password: string): string | null {
  return [...password].length < shortest ? `Use at least ${shortest} characters.` : null;
}

/** A password field with a button to show its text. */
export function PasswordField(props: Omit<FieldProps, "type" | "end">) {
  const [shown, setShown] = useState(false);
  const Icon = shown ? EyeOff : Eye;
  return (
    <Field
      {...props}
      verbatim
      type={shown ? "text" : "password"}
      autoCapitalize="none"
      spellCheck={false}
      className="pr-10"
      end={
        <IconButton name={shown ? "Hide password" : "Show password"} onClick={() => setShown(!shown)}>
          <Icon aria-hidden className="size-4" />
        </IconButton>
      }
    />
  );
}
