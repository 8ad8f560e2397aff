package auth

import (
	"net/http"

	"slicegate/functions/answer"
	"slicegate/store"
)

// verifyEmail takes the link in a mail as the sign that its address is the account's owner's. Nobody has to
// be logged in: mails are read elsewhere too. The link works until it is too old, so that a mail program
// that follows it first takes nothing away.
func (a *Auth) verifyEmail(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Body[struct {
		Token string `json:"token"`
	}](w, r, bodyLimit)
	if err != nil {
		return err
	}
	gone := answer.Errorf(answer.Gone, "This link is too old, is not complete, or a newer one has been sent. Use the newest mail, or log in and have another one sent.")
	link, real := linkHash(form.Token)
	if !real {
		return gone
	}
	verified, err := store.New(a.Pool).VerifyEmail(r.Context(), store.VerifyEmailParams{VerifyHash: link, Now: a.Clock()})
	if err != nil {
		return err
	}
	if verified == 0 {
		return gone
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
