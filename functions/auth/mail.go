package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/jobs"
	"slicegate/store"
)

// mail owes a user a mail in the transaction that makes it necessary; the job makes its link when it is sent.
func (a *Auth) mail(ctx context.Context, tx pgx.Tx, user int64, kind string, now time.Time) (id int64, err error) {
	if id, err = store.New(tx).OweEmail(ctx, store.OweEmailParams{UserID: &user, Kind: kind, Detail: []byte("{}"), Now: now}); err != nil {
		return 0, fmt.Errorf("owe a mail: %w", err)
	}
	if _, err := a.Jobs.InsertTx(ctx, tx, jobs.SendEmailArgs{Email: id}, nil); err != nil {
		return 0, fmt.Errorf("owe a mail: %w", err)
	}
	return id, nil
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
