import { useId } from "react";
import { Choice, ChoiceList } from "../ui/choice-list";
import type { Role } from "../wire";

export const roleWords: Record<Role, string> = { admin: "Admin", viewer: "Viewer" };

const notes: Record<Role, string> = {
  admin: "Changes everything",
  viewer: "Sees everything, changes nothing",
};

interface RoleChoiceProps {
  value: Role;
  onChange: (role: Role) => void;
}

export function RoleChoice({ value, onChange }: RoleChoiceProps) {
  const name = useId();
  return (
    <fieldset className="grid gap-1.5">
      <legend className="mb-1.5 font-medium">Role</legend>
      <ChoiceList>
        {(["admin", "viewer"] as const).map((role) => (
          <Choice
            key={role}
            type="radio"
            name={name}
            checked={role === value}
            onChange={() => onChange(role)}
            note={notes[role]}
          >
            {roleWords[role]}
          </Choice>
        ))}
      </ChoiceList>
    </fieldset>
  );
}
