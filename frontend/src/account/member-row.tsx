import { Bar } from "../ui/list-frame";
import { type RowAction, RowMenu } from "../ui/row-menu";
import { Time } from "../ui/time";
import type { AdminUser } from "../wire";
import { memberTitle } from "./member-title";

const cell = "hidden px-4 py-3 align-top md:table-cell";
const head = "hidden px-4 py-2 font-medium md:table-cell";

export function MembersHead({ withJobs }: { withJobs: boolean }) {
  return (
    <tr>
      <th scope="col" className="px-4 py-2 font-medium">
        Name
      </th>
      <th scope="col" className={head}>
        Email
      </th>
      {withJobs && (
        <th scope="col" className={`${head} w-44`}>
          Job title
        </th>
      )}
      <th scope="col" className={`${head} w-36`}>
        Joined
      </th>
      <th scope="col" className="w-14 px-3">
        <span className="sr-only">Actions</span>
      </th>
    </tr>
  );
}

interface MemberRowProps {
  member: AdminUser;
  own: boolean;
  withJobs: boolean;
  actions: RowAction[];
}

/** A person of the account. On a phone all that is known about them stands below the name. */
export function MemberRow({ member, own, withJobs, actions }: MemberRowProps) {
  return (
    <tr>
      <td className="px-4 py-3 align-top wrap-anywhere">
        <span className={member.name ? "font-medium" : "text-soft"}>{member.name ?? "No name"}</span>{" "}
        {own && <span className="text-soft">· You</span>}
        <div className="mt-1 grid gap-1 text-small text-soft md:hidden">
          <span>{member.email}</span>
          {withJobs && member.job_title && <span>{member.job_title}</span>}
          <span>
            Joined <Time at={member.inserted_at} />
          </span>
        </div>
      </td>
      <td className={`${cell} wrap-anywhere`}>{member.email}</td>
      {withJobs && (
        <td className={`${cell} text-soft wrap-anywhere`}>
          {member.job_title ?? (
            <>
              <span aria-hidden>–</span>
              <span className="sr-only">None</span>
            </>
          )}
        </td>
      )}
      <td className={`${cell} text-soft`}>
        <Time at={member.inserted_at} />
      </td>
      <td className="px-3 py-3 text-right align-top">
        <RowMenu row={member.id} name={memberTitle(member)} actions={actions} />
      </td>
    </tr>
  );
}

export function MemberSkeleton({ withJobs }: { withJobs: boolean }) {
  return (
    <>
      <td className="px-4 py-3">
        <Bar className="w-32" />
        <div className="mt-1 grid gap-1 md:hidden">
          <span className="h-4 leading-4">
            <Bar className="w-44" />
          </span>
          <span className="h-4 leading-4">
            <Bar className="w-28" />
          </span>
          <span className="h-4 leading-4">
            <Bar className="w-28" />
          </span>
        </div>
      </td>
      <td className={cell}>
        <Bar className="w-44" />
      </td>
      {withJobs && (
        <td className={cell}>
          <Bar className="w-24" />
        </td>
      )}
      <td className={cell}>
        <Bar className="w-20" />
      </td>
      <td />
    </>
  );
}
