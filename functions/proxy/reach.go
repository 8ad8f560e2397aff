package proxy

import (
	"net/http"
	"net/url"
	"strings"

	"slicegate/functions/session"
)

// reachOf says how far an operator who sees somebody else's account gets with a request to a slice. What only
// deletes is its owner's. An image may have an app of its own: what reads is known by its method alone, but
// for the copy of everything, which the contract has at /api/export.
func reachOf(method, uri string) session.Reach {
	switch {
	case method == http.MethodDelete:
		return session.Owner
	case method != http.MethodGet && method != http.MethodHead:
		return session.Change
	case copies(uri):
		return session.Copy
	}
	return session.Look
}

// copies tells whether an address is one at which a slice may have the copy of everything, however it is
// written: nginx passes it on as it came, and slices read escapes, cases and slashes as they like.
// One that cannot be read, or that was not given, may be.
func copies(uri string) bool {
	path, _, _ := strings.Cut(uri, "?")
	if path == "" {
		return true
	}
	for range 3 {
		plain, err := url.PathUnescape(path)
		if err != nil {
			return true
		}
		if plain == path {
			return strings.Contains(strings.ToLower(path), "export")
		}
		path = plain
	}
	return true
}
