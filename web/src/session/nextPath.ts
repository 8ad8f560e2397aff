/** The login page that comes back to `path` afterwards. */
export function loginPath(path: string): string {
  return path === "/" ? "/login" : `/login?next=${encodeURIComponent(path)}`;
}

/** Pages that nobody is led back to: they are done with, and those of mails have lost their token by then. */
const beforeLogin = new Set(["/login", "/register", "/forgot-password", "/reset-password", "/verify-email"]);

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
  if (beforeLogin.has(url.pathname.replace(/\/+$/, ""))) return "/";
  return url.pathname + url.search + url.hash;
}

const purposes: Record<string, string> = {
  "/reconnect": "Log in to connect your WhatsApp again.",
  "/billing": "Log in to see how your account stands.",
  "/billing/done": "Log in to go on: what you have paid is not lost.",
  "/notifications": "Log in to choose how we reach you.",
};

/** What those came for who are asked to log in first, as a sentence; null where it needs none. */
export function purposeOf(search: string): string | null {
  const [page = ""] = nextPath(search).split(/\/?[?#]/, 1);
  return purposes[page] ?? null;
}
