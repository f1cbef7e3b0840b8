import { Layers, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { messageOf } from "../api";
import { Button } from "../ui/button";
import { CopyValue } from "../ui/copy-value";
import { Bar, EmptyList, ListFrame } from "../ui/list-frame";
import { pageSize, usePage } from "../ui/pager";
import { neighbourOf, type RowAction, RowMenu } from "../ui/row-menu";
import { useTitle } from "../ui/title";
import type { Environment } from "../wire";
import { AccountPage } from "./account-page";
import { DeleteEnvironmentDialog } from "./delete-environment-dialog";
import { EnvironmentDialog } from "./environment-dialog";
import { environmentPurposes, useEnvironmentPage } from "./environments";

export function EnvironmentsPage() {
  useTitle("Environments");
  const [page, setPage] = usePage();
  const environments = useEnvironmentPage(page, pageSize);
  const [creating, setCreating] = useState(false);
  const [editing, setEditing] = useState<Environment>();
  const [deleting, setDeleting] = useState<{ id: string; neighbour: string | undefined }>();
  const items = environments.data?.summaries;

  const actionsOf = (environment: Environment): RowAction[] => [
    ...(environment.available_actions.update
      ? [{ label: "Edit", icon: Pencil, onChoose: () => setEditing(environment) }]
      : []),
    ...(environment.available_actions.delete
      ? [
          {
            label: "Delete",
            icon: Trash2,
            danger: true,
            onChoose: () =>
              setDeleting({ id: environment.id, neighbour: neighbourOf(items, environment.id) }),
          },
        ]
      : []),
  ];

  return (
    <AccountPage
      tab="/account/environments"
      action={
        <Button look="primary" onClick={() => setCreating(true)}>
          Create environment
        </Button>
      }
    >
      <ListFrame
        name="Environments"
        items={items}
        failure={environments.error ? messageOf(environments.error) : null}
        onRetry={() => void environments.refetch()}
        pages={{ pagination: environments.data?.pagination, page, onPage: setPage }}
        head={
          <tr>
            <th scope="col" className="px-4 py-2 font-medium">
              Name
            </th>
            <th scope="col" className="hidden w-36 px-4 py-2 font-medium sm:table-cell">
              Purpose
            </th>
            <th scope="col" className="hidden w-80 px-4 py-2 font-medium md:table-cell">
              Environment ID
            </th>
            <th scope="col" className="w-14 px-3">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        }
        skeleton={<EnvironmentSkeleton />}
        row={(environment) => (
          <EnvironmentRow key={environment.id} environment={environment} actions={actionsOf(environment)} />
        )}
        empty={
          <EmptyList
            icon={<Layers aria-hidden className="size-6" />}
            title="No environments yet"
            text="Deployment tokens belong to an environment, such as Development or Production."
            action={<Button onClick={() => setCreating(true)}>Create the first environment</Button>}
          />
        }
      />
      <EnvironmentDialog
        open={creating || editing !== undefined}
        environment={editing}
        onClose={() => {
          setCreating(false);
          setEditing(undefined);
        }}
      />
      <DeleteEnvironmentDialog
        environment={items?.find(({ id }) => id === deleting?.id)}
        neighbour={deleting?.neighbour}
        onClose={() => setDeleting(undefined)}
      />
    </AccountPage>
  );
}

function EnvironmentRow({ environment, actions }: { environment: Environment; actions: RowAction[] }) {
  const purpose = environmentPurposes.find(({ value }) => value === environment.purpose)?.label;
  return (
    <tr>
      <td className="px-4 py-3 align-top">
        <p className="font-medium wrap-anywhere">{environment.name}</p>
        <p className="mt-1 line-clamp-3 min-h-5 text-soft wrap-anywhere">
          {environment.description ?? "No description"}
        </p>
        <p className="mt-1 text-small text-soft sm:hidden">{purpose}</p>
        <p className="mt-1 text-small text-soft md:hidden">
          <CopyValue what={`ID of ${environment.name}`} value={environment.id} />
        </p>
      </td>
      <td className="hidden px-4 py-3 align-top sm:table-cell">{purpose}</td>
      <td className="hidden px-4 py-3 align-top text-soft md:table-cell">
        <CopyValue what={`ID of ${environment.name}`} value={environment.id} />
      </td>
      <td className="px-3 py-3 text-right align-top">
        {actions.length > 0 && <RowMenu row={environment.id} name={environment.name} actions={actions} />}
      </td>
    </tr>
  );
}

function EnvironmentSkeleton() {
  return (
    <>
      <td className="px-4 py-3">
        <Bar className="w-28" />
        <div className="mt-1 h-5">
          <Bar className="w-44" />
        </div>
        <div className="mt-1 h-4 leading-4 sm:hidden">
          <Bar className="w-20" />
        </div>
        <div className="mt-1 h-5 md:hidden">
          <Bar className="w-60" />
        </div>
      </td>
      <td className="hidden px-4 py-3 align-top sm:table-cell">
        <Bar className="w-20" />
      </td>
      <td className="hidden px-4 py-3 align-top md:table-cell">
        <Bar className="w-60" />
      </td>
      <td />
    </>
  );
}
