import { entrances } from "./paths";

/** Compares the first segment, since all pages below an entrance are entrances. */
const isEntrance = (path: string) => entrances.some((entrance) => entrance === `/${path.split(/[/?#]/)[1]}`);

/** The sign-in page's address, which leads back to the wanted page. */
export function signInPath(wanted: string): string {
  return wanted === "/" || isEntrance(wanted) ? "/sign-in" : `/sign-in?next=${encodeURIComponent(wanted)}`;
}

/** The page to open after sign-in: `next` if it is a path on this origin, else the start page. */
export function nextPath(search: string, origin: string): string {
  const next = new URLSearchParams(search).get("next");
  // Browsers read "//host" and "/\host" as another host, and drop tabs and line breaks before they look.
  if (!next?.startsWith("/") || /^\/[/\\]/.test(next) || /[\t\r\n]/.test(next)) return "/";
  if (!URL.canParse(next, origin)) return "/";
  const url = new URL(next, origin);
  if (url.origin !== origin || url.pathname.startsWith("//") || isEntrance(url.pathname)) return "/";
  return `${url.pathname}${url.search}${url.hash}`;
}
