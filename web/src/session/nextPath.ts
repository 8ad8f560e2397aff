/** The login page that comes back to `path` afterwards. */
export function loginPath(path: string): string {
  return path === "/" ? "/login" : `/login?next=${encodeURIComponent(path)}`;
}

/**
 * Where to go after a login, from the login page's query. Only paths of this app
 * count: an address of another site in `next` would be an open redirect.
 */
export function nextPath(search: string): string {
  const next = new URLSearchParams(search).get("next");
  if (!next?.startsWith("/")) return "/";
  const base = "https://app.invalid";
  let url: URL;
  try {
    url = new URL(next, base);
  } catch {
    return "/";
  }
  if (url.origin !== base || url.pathname.startsWith("//")) return "/";
  if (url.pathname === "/login" || url.pathname === "/register") return "/";
  return url.pathname + url.search + url.hash;
}
