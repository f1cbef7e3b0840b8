import { Layers, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { Bars } from "../ui/bar";
import { Button } from "../ui/button";
import { CopyValue } from "../ui/copy-value";
import { List, menuColumn } from "../ui/list";
import { Changing } from "../ui/read-only";
import type { Environment } from "../wire";
import { AccountPage } from "./account-page";
import { DeleteEnvironmentDialog, EnvironmentDialog } from "./environment-dialogs";
import { environmentPurposes, useEnvironmentPage } from "./environments";

const purposeOf = ({ purpose }: Environment) =>
  environmentPurposes.find(({ value }) => value === purpose)?.label;

const idOf = ({ id, name }: Environment) => <CopyValue what={`ID of ${name}`} value={id} />;

export default function EnvironmentsPage() {
  const list = useEnvironmentPage();
  const [creating, setCreating] = useState(false);
  const [editing, setEditing] = useState<Environment>();
  const [deleting, setDeleting] = useState<Environment>();
  return (
    <AccountPage
      tab="/account/environments"
      action={
        <Changing>
          <Button look="primary" onClick={() => setCreating(true)}>
            Create environment
          </Button>
        </Changing>
      }
    >
      <List
        name="Environments"
        list={list}
        columns={[
          {
            head: "Name",
            skeleton: (
              <Bars lines={["w-28", "w-44 mt-1 h-5", "w-20 mt-1 h-4 sm:hidden", "w-60 mt-1 h-5 md:hidden"]} />
            ),
            cell: (environment) => (
              <>
                <p className="font-medium">{environment.name}</p>
                <p className="mt-1 line-clamp-3 min-h-5 text-soft">
                  {environment.description ?? "No description"}
                </p>
                <p className="mt-1 text-small text-soft sm:hidden">{purposeOf(environment)}</p>
                <p className="mt-1 text-small text-soft md:hidden">{idOf(environment)}</p>
              </>
            ),
          },
          { head: "Purpose", width: "w-36", from: "sm", cell: purposeOf },
          { head: "Environment ID", width: "w-80", from: "md", soft: true, cell: idOf },
          menuColumn<Environment>(
            ({ name }) => name,
            (environment) => [
              environment.available_actions.update && {
                label: "Edit",
                icon: Pencil,
                onChoose: () => setEditing(environment),
              },
              environment.available_actions.delete && {
                label: "Delete",
                icon: Trash2,
                danger: true,
                onChoose: () => setDeleting(environment),
              },
            ],
          ),
        ]}
        empty={{
          icon: Layers,
          title: "No environments yet",
          text: "Deployment tokens belong to an environment, such as Development or Production.",
          action: <Button onClick={() => setCreating(true)}>Create the first environment</Button>,
        }}
      />
      {(creating || editing) && (
        <EnvironmentDialog
          environment={editing}
          known={list.items ?? []}
          onClose={() => {
            setCreating(false);
            setEditing(undefined);
          }}
        />
      )}
      {deleting && (
        <DeleteEnvironmentDialog
          environment={list.items?.find(({ id }) => id === deleting.id) ?? deleting}
          onClose={() => setDeleting(undefined)}
        />
      )}
    </AccountPage>
  );
}
