import { useState } from "react";
import { Button } from "../ui/button";
import { Fact, Facts, Unknown } from "../ui/facts";
import { PageHeader } from "../ui/page";
import type { SessionUser } from "../wire";
import { OwnSessions } from "./own-sessions";
import { PasswordDialog, ProfileDialog } from "./profile-dialogs";

export default function ProfilePage({ user }: { user: SessionUser }) {
  const [editing, setEditing] = useState(false);
  const [changing, setChanging] = useState(false);
  return (
    <>
      <PageHeader
        title="Profile"
        tabTitle="Profile"
        action={
          <Button look="primary" onClick={() => setEditing(true)}>
            Edit
          </Button>
        }
      />
      <div className="h-6" />
      <Facts>
        <Fact name="Name">{user.name ?? <Unknown />}</Fact>
        <Fact name="Job title">{user.job_title ?? <Unknown />}</Fact>
        <Fact name="Email">{user.email}</Fact>
        <Fact name="Password">
          <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
            <Unknown>Only you know it.</Unknown>
            <Button size="small" className="-my-1" onClick={() => setChanging(true)}>
              Change password
            </Button>
          </div>
        </Fact>
      </Facts>
      <OwnSessions />
      {editing && <ProfileDialog user={user} onClose={() => setEditing(false)} />}
      {changing && <PasswordDialog user={user} onClose={() => setChanging(false)} />}
    </>
  );
}
