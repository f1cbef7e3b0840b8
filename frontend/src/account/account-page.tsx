import type { ReactNode } from "react";
import { PageHeader, TabLinks } from "../ui/page";

const tabs = [
  { label: "Details", href: "/account/details", title: "Account details" },
  { label: "Team", href: "/account/team", title: "Team" },
  { label: "Invites", href: "/account/invites", title: "Invites" },
  { label: "API Tokens", href: "/account/api-tokens", title: "API tokens" },
  { label: "Environments", href: "/account/environments", title: "Environments" },
  { label: "Audit", href: "/account/audit", title: "Audit" },
];

interface AccountPageProps {
  /** The address of the open tab. */
  tab: string;
  /** The title of the browser tab, if it isn't that of the tab. */
  title?: string;
  action?: ReactNode;
  children: ReactNode;
}

/** The frame of the account's pages. */
export function AccountPage({ tab, title, action, children }: AccountPageProps) {
  return (
    <>
      <PageHeader
        title="Account"
        tabTitle={title ?? tabs.find(({ href }) => href === tab)?.title ?? ""}
        action={action}
      />
      <TabLinks name="Account" tabs={tabs} current={tab} />
      {children}
    </>
  );
}
