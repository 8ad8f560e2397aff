package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/jobs"
	"slicegate/store"
)

// mail owes a user a mail in the transaction that makes it necessary; the job makes its link when it is sent.
func (a *Auth) mail(ctx context.Context, tx pgx.Tx, user int64, kind string, now time.Time) (id int64, err error) {
	return jobs.OweEmail(ctx, tx, a.Jobs, store.OweEmailParams{UserID: &user, Kind: kind, Detail: []byte("{}"), Now: now})
}

// linkHash is what Postgres keeps of the token in a link: its SHA-256. Not real: no token looks like that.
func linkHash(token string) (hash []byte, real bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 32 {
		return nil, false
	}
	sum := sha256.Sum256(raw)
	return sum[:], true
}
