import { ChevronLeft } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { Link } from "wouter";

/** Sets the title of the browser tab. */
export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Tokentab`;
  }, [title]);
}

interface PageHeaderProps {
  title: ReactNode;
  /** The title of the browser tab. */
  tabTitle: string;
  action?: ReactNode;
  children?: ReactNode;
}

export function PageHeader({ title, tabTitle, action, children }: PageHeaderProps) {
  useTitle(tabTitle);
  return (
    <header className="flex flex-wrap items-start justify-between gap-x-4 gap-y-3">
      {/* In a narrow window, the buttons wrap below the title. */}
      <div className={`min-w-0 grow ${children ? "basis-80" : ""}`}>
        <h1 className="py-0.5 text-title font-semibold wrap-anywhere">{title}</h1>
        {children}
      </div>
      {action && <div className="flex flex-wrap items-center gap-2">{action}</div>}
    </header>
  );
}

/** The way from a page to the one above it. */
export function BackLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Link
      href={href}
      className="mb-2 inline-flex max-w-full items-center gap-1 text-small text-soft hover:text-ink"
    >
      <ChevronLeft aria-hidden className="size-3.5 shrink-0" />
      <span className="truncate">{children}</span>
    </Link>
  );
}

interface TabLinksProps {
  name: string;
  tabs: { label: string; href: string }[];
  /** The address of the open tab. */
  current: string;
}

export function TabLinks({ name, tabs, current }: TabLinksProps) {
  const row = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const links = row.current?.querySelectorAll<HTMLElement>("[data-tab]") ?? [];
    const open = [...links].find((link) => link.getAttribute("href") === current);
    // 32 is the space behind the last tab.
    if (row.current && open)
      row.current.scrollLeft = open.offsetLeft + open.offsetWidth + 32 - row.current.clientWidth;
  }, [current]);
  return (
    <nav aria-label={name} className="mt-4 mb-6 border-b border-line">
      {/* On narrow screens the tabs scroll, not the page. The faded end shows that there are more. */}
      <div
        ref={row}
        className="relative -mx-1 -mb-px flex gap-3 overflow-x-auto px-1 max-sm:mask-r-from-92% max-sm:pr-8 sm:gap-5"
      >
        {tabs.map((tab) => (
          <Link
            key={tab.href}
            href={tab.href}
            data-tab
            aria-current={tab.href === current ? "page" : undefined}
            className="border-b-2 border-transparent pb-2 font-medium whitespace-nowrap text-soft -outline-offset-2 hover:text-ink aria-[current]:border-accent-ink aria-[current]:text-ink"
          >
            {tab.label}
          </Link>
        ))}
      </div>
    </nav>
  );
}
