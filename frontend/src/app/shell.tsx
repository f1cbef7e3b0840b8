import { useQueryClient } from "@tanstack/react-query";
import { BookOpen, Bot, Building2, ChevronsUpDown, CircleUser, LogOut, Menu as MenuIcon } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { useSignOut } from "../session/session";
import { IconButton } from "../ui/button";
import { FirstShown } from "../ui/first-shown";
import { Menu, MenuItem, MenuLabel } from "../ui/menu";
import { ReadOnly } from "../ui/read-only";
import { announceFailed } from "../ui/toast";
import type { MemberNotice, SessionUser } from "../wire";

// The page also works if this code fails to load.
const MemberNotices = lazy(() => import("../session/member-notices").catch(() => ({ default: () => <></> })));

interface ShellProps {
  account: { name: string };
  user: SessionUser;
  notices: MemberNotice[];
  /** Called once, a second after the page is shown. */
  onShown: () => void;
  children: ReactNode;
}

type BarProps = Pick<ShellProps, "account" | "user">;

const places = [
  { label: "Agents", href: "/agents", icon: Bot },
  { label: "Account", href: "/account", icon: Building2 },
];

/** A page of the server, outside this one. */
const docsPath = "/docs";

const sideItem =
  "flex h-8 items-center gap-2.5 rounded-box px-2 font-medium text-soft hover:bg-hover hover:text-ink aria-[current]:bg-hover aria-[current]:text-ink";

/** The navigation, beside the page or above it in narrow windows. */
export function Shell({ account, user, notices, onShown, children }: ShellProps) {
  useChanges();
  useKeptFocus(user.role);
  useEffect(() => {
    const timer = setTimeout(onShown, 1_000);
    return () => clearTimeout(timer);
  }, [onShown]);
  return (
    <div className="flex min-h-full flex-col md:flex-row">
      <FirstShown />
      <a
        href="#content"
        className="absolute top-2 left-2 z-10 -translate-y-20 rounded-box bg-accent px-3 py-1.5 text-on-accent focus:translate-y-0"
      >
        Skip to content
      </a>
      <Sidebar account={account} user={user} />
      <TopBar account={account} user={user} />
      <main
        id="content"
        tabIndex={-1}
        className="min-w-0 flex-1 px-4 pt-6 pb-34 outline-none md:px-8 md:pt-8"
      >
        <div className="mx-auto max-w-230">
          {notices.length > 0 && (
            <Suspense fallback={null}>
              <MemberNotices notices={notices} />
            </Suspense>
          )}
          {user.role !== "admin" && (
            <p className="-mt-2 mb-3 text-small text-soft">
              You can view this account. Ask an admin to make changes.
            </p>
          )}
          <ReadOnly value={user.role !== "admin"}>{children}</ReadOnly>
        </div>
      </main>
    </div>
  );
}

/**
 * Moves the focus to the content if the element that had it went with the page before or with the user's rights, or hides
 * until the next page loads.
 */
function useKeptFocus(role: string) {
  const [location] = useLocation();
  const shown = useRef({ location, role });
  const focused = useRef<Element>(null);
  focused.current = document.activeElement;
  useEffect(() => {
    const before = shown.current;
    shown.current = { location, role };
    const isGone = before.role !== role && focused.current?.isConnected === false;
    const isHidden = focused.current !== document.body && focused.current?.getClientRects().length === 0;
    if (isGone || (before.location !== location && isHidden))
      document.getElementById("content")?.focus({ preventScroll: true });
  });
}

/** Keeps the page up to date while it is shown. */
function useChanges() {
  const client = useQueryClient();
  useEffect(() => {
    const isOver = new AbortController();
    let end = () => isOver.abort();
    import("./live").then(
      ({ followChanges }) => {
        if (!isOver.signal.aborted) end = followChanges(client);
      },
      () => {}, // without it the page polls
    );
    return () => end();
  }, [client]);
}

function Sidebar({ account, user }: BarProps) {
  const [location] = useLocation();
  return (
    <header className="sticky top-0 hidden h-dvh w-56 shrink-0 flex-col border-r border-line bg-side p-2 md:not-print:flex">
      <AccountName name={account.name} className="px-2 pt-1.5 pb-3" />
      <nav aria-label="Main" className="grid gap-0.5">
        {places.map(({ label, href, icon: Icon }) => (
          <Link
            key={href}
            href={href}
            aria-current={isAt(location, href) ? "page" : undefined}
            className={sideItem}
          >
            <Icon aria-hidden className="size-4" />
            {label}
          </Link>
        ))}
      </nav>
      <div className="mt-auto grid grid-cols-1 gap-0.5">
        <a href={docsPath} target="_blank" rel="noreferrer" className={sideItem}>
          <BookOpen aria-hidden className="size-4" />
          API reference
        </a>
        <UserMenu user={user} />
      </div>
    </header>
  );
}

function UserMenu({ user }: Pick<ShellProps, "user">) {
  return (
    <Menu
      side="top"
      align="start"
      trigger={
        <button
          type="button"
          aria-label={`Account menu of ${user.name ?? user.email}`}
          className="flex w-full items-center gap-2.5 rounded-box p-2 text-left hover:bg-hover data-popup-open:bg-hover"
        >
          <Initial user={user} />
          <span className="min-w-0 flex-1">
            <span className="block truncate font-medium">{user.name ?? user.email}</span>
            {user.name && <span className="block truncate text-small text-soft">{user.email}</span>}
          </span>
          <ChevronsUpDown aria-hidden className="size-3.5 shrink-0 text-soft" />
        </button>
      }
    >
      <UserLabel user={user} />
      <OwnItems />
    </Menu>
  );
}

function TopBar({ account, user }: BarProps) {
  const [location, navigate] = useLocation();
  return (
    <header className="sticky top-0 z-10 flex h-12 items-center justify-between gap-3 border-b border-line bg-side pr-2 pl-4 md:hidden print:hidden">
      <AccountName name={account.name} />
      <Menu
        trigger={
          <IconButton name="Menu">
            <MenuIcon aria-hidden className="size-5" />
          </IconButton>
        }
      >
        <UserLabel user={user} />
        {places.map(({ label, href, icon }) => (
          <MenuItem key={href} icon={icon} onChoose={() => navigate(href)}>
            <span className={isAt(location, href) ? "font-semibold" : ""}>{label}</span>
          </MenuItem>
        ))}
        <MenuItem icon={BookOpen} onChoose={() => window.open(docsPath, "_blank", "noreferrer")}>
          API reference
        </MenuItem>
        <OwnItems />
      </Menu>
    </header>
  );
}

function AccountName({ name, className = "" }: { name: string; className?: string }) {
  return (
    <div className={`flex min-w-0 items-center gap-2 ${className}`}>
      <img src="/favicon.svg" alt="" className="size-5 shrink-0" />
      <span className="truncate font-semibold" title={name}>
        {name}
      </span>
    </div>
  );
}

function UserLabel({ user }: Pick<ShellProps, "user">) {
  return (
    <MenuLabel>
      {user.name && <div className="font-medium">{user.name}</div>}
      <div className="text-small text-soft">{user.email}</div>
    </MenuLabel>
  );
}

function Initial({ user }: Pick<ShellProps, "user">) {
  return (
    <span
      aria-hidden
      className="flex size-6 shrink-0 items-center justify-center rounded-box bg-accent-soft text-small font-semibold text-accent-ink"
    >
      {firstCharacter(user.name ?? user.email)}
    </span>
  );
}

/** Some characters, such as flags, have several code points. */
function firstCharacter(text: string): string | undefined {
  const [first] = new Intl.Segmenter().segment(text);
  return first?.segment.toUpperCase();
}

function isAt(location: string, href: string): boolean {
  return location === href || location.startsWith(`${href}/`);
}

function OwnItems() {
  const [, navigate] = useLocation();
  const signOut = useSignOut();
  const leave = () =>
    signOut.mutate(undefined, {
      onError: (error) => announceFailed(error, "You were not signed out."),
    });
  return (
    <>
      <MenuItem icon={CircleUser} onChoose={() => navigate("/profile")}>
        Profile
      </MenuItem>
      <MenuItem icon={LogOut} onChoose={leave}>
        Sign out
      </MenuItem>
    </>
  );
}
