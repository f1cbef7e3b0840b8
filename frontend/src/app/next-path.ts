import { entrances } from "./paths";

const isEntrance = (path: string) => entrances.some((entrance) => path.startsWith(entrance));

/** The sign-in page's address, which leads back to the wanted page. */
export function signInPath(wanted: string): string {
  return wanted === "/" || isEntrance(wanted) ? "/sign-in" : `/sign-in?next=${encodeURIComponent(wanted)}`;
}

/** The page to open after sign-in: `next` if it is a path on this origin, else the start page. */
export function nextPath(search: string, origin: string): string {
  const next = new URLSearchParams(search).get("next");
  // Browsers read "//host" and "/\host" as another host, and drop tabs and line breaks before they look.
  if (!next?.startsWith("/") || /^\/[/\\]/.test(next) || /[\t\r\n]/.test(next)) return "/";
  const url = URL.parse(next, origin);
  if (!url || url.origin !== origin || isEntrance(url.pathname)) return "/";
  return `${url.pathname}${url.search}${url.hash}`;
}
