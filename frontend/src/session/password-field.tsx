import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import { IconButton } from "../ui/button";
import { Field, type FieldProps } from "../ui/field";

/** Characters that a new password has at least. */
const shortest = 12;

export const passwordHint = `Any characters, ${shortest} or more.`;

/** What is wrong with a new password, as far as that can be told without the server; null if nothing is. */
export function passwordProblem(password: string): string | null {
  return [...password].length < shortest ? `Use at least ${shortest} characters.` : null;
}

/** A password that can be looked at, for those who type a long one. */
export function PasswordField(props: Omit<FieldProps, "type" | "end">) {
  const [shown, setShown] = useState(false);
  const Icon = shown ? EyeOff : Eye;
  return (
    <Field
      {...props}
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
