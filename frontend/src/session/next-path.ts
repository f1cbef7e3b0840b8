const closed = ["/sign-in", "/setup", "/invite"];

/** The address of the sign-in page that leads back to where the user wanted to go. */
export function signInPath(wanted: string): string {
  return wanted === "/" || closed.some((path) => wanted.startsWith(path))
    ? "/sign-in"
    : `/sign-in?next=${encodeURIComponent(wanted)}`;
}

/** Where to go after signing in: `next` if it is a path of this very page, else the start. */
export function nextPath(search: string, origin: string): string {
  const next = new URLSearchParams(search).get("next");
  // Browsers read "//host" and "/\host" as another host, and drop tabs and line breaks before they look.
  if (!next?.startsWith("/") || /^\/[/\\]/.test(next) || /[\t\r\n]/.test(next)) return "/";
  const url = URL.parse(next, origin);
  if (!url || url.origin !== origin || closed.some((path) => url.pathname.startsWith(path))) return "/";
  return `${url.pathname}${url.search}${url.hash}`;
}
