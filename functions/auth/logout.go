package auth

import (
	"net/http"
	"time"

	"slicegate/functions/session"
	"slicegate/store"
)

// logout ends the session of the cookie, if there is one, and takes the cookie away. The
// deleted row tells `functions proxy`, which then ends the session's event streams.
func (a *Auth) logout(w http.ResponseWriter, r *http.Request) error {
	if _, id, err := a.Signer.Read(r); err == nil {
		if err := store.New(a.Pool).DeleteSession(r.Context(), id[:]); err != nil {
			return err
		}
	}
	http.SetCookie(w, session.Cookie("", time.Time{}, a.Clock()))
	w.WriteHeader(http.StatusNoContent)
	return nil
}
