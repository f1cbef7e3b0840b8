import { Eye, EyeOff } from "lucide-react";
import { type ComponentProps, useState } from "react";
import { IconButton } from "../ui/button";
import { Field } from "../ui/field";

/** A password that can be looked at, for those who type a long one. */
export function PasswordField(props: Omit<ComponentProps<typeof Field>, "type" | "end">) {
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
