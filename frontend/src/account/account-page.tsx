import type { ReactNode } from "react";
import { PageHeader, TabLinks } from "../ui/page";

const tabs = [
  { label: "Details", href: "/account/details" },
  { label: "Team", href: "/account/team" },
  { label: "Invites", href: "/account/invites" },
  { label: "API Tokens", href: "/account/api-tokens" },
  { label: "Environments", href: "/account/environments" },
];

/** The frame of all pages about the account. */
export function AccountPage({
  tab,
  action,
  children,
}: {
  tab: string;
  action: ReactNode;
  children: ReactNode;
}) {
  return (
    <>
      <PageHeader title="Account" action={action} />
      <TabLinks name="Account" tabs={tabs} current={tab} />
      {children}
    </>
  );
}
