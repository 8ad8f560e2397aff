import { useEffect, useLayoutEffect, useState } from "react";

/** What is said where there is no token: the page was loaded again, or its address typed. */
export const noLinkWords =
  "This page is opened by the link in a mail. Open that link once more, or ask for a new one.";

/** The token of a mail's link, from the part of the address after "#"; null if it has none that may be one. */
export function tokenOf(hash: string): string | null {
  const token = new URLSearchParams(hash.replace(/^#/, "")).get("token");
  return token && /^[A-Za-z0-9_-]{43}$/.test(token) ? token : null;
}

/**
 * The token of the link that led to this page; null if there is none. It is taken out of the address
 * bar before the page is seen, so that it stays in no history, bookmark or picture of the screen.
 */
export function useLinkToken(): string | null {
  const [token, setToken] = useState(() => tokenOf(window.location.hash));

  // Not while it is drawn, which may be done twice: the second time it would be gone.
  useLayoutEffect(removeHash, []);

  useEffect(() => {
    // A second link that is followed in the same tab changes the hash and loads nothing.
    const take = () => {
      const next = tokenOf(window.location.hash);
      removeHash();
      if (next) setToken(next);
    };
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, []);
  return token;
}

function removeHash(): void {
  const { pathname, search, hash } = window.location;
  if (hash !== "") window.history.replaceState(window.history.state, "", pathname + search);
}
