package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/crypto/bcrypt"

	"slicegate/functions/answer"
)

// Cost is bcrypt's cost parameter: about a quarter of a second of one core per hash.
const Cost = 12

// waitingPerHash bounds how many wait for each hash that may run: beyond that a flood of
// logins is refused at once instead of after a minute.
const waitingPerHash = 32

// Hasher hashes and checks passwords, a bounded number at a time: each takes a core.
type Hasher struct {
	running chan struct{}
	waiting chan struct{}
	nobody  []byte // the hash that an unknown e-mail is checked against
	cost    int
}

// NewHasher runs at most atOnce hashes; zero is one per core.
func NewHasher(atOnce, cost int) (*Hasher, error) {
	if atOnce == 0 {
		atOnce = runtime.GOMAXPROCS(0)
	}
	nobody, err := bcrypt.GenerateFromPassword([]byte("nobody has this password"), cost)
	if err != nil {
		return nil, fmt.Errorf("hasher: %w", err)
	}
	return &Hasher{
		running: make(chan struct{}, atOnce),
		waiting: make(chan struct{}, atOnce*(1+waitingPerHash)),
		nobody:  nobody,
		cost:    cost,
	}, nil
}

// Hash makes the hash to store.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	var hash []byte
	err := h.turn(ctx, func() (err error) {
		hash, err = bcrypt.GenerateFromPassword(input(password), h.cost)
		return err
	})
	return string(hash), err
}

// Matches tells whether password is the one that hash was made of. An empty hash, of an
// account that does not exist, takes the same time and never matches.
func (h *Hasher) Matches(ctx context.Context, hash, password string) (bool, error) {
	against := []byte(hash)
	if hash == "" {
		against = h.nobody
	}
	err := h.turn(ctx, func() error { return bcrypt.CompareHashAndPassword(against, input(password)) })
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	return err == nil && hash != "", err
}

func (h *Hasher) turn(ctx context.Context, do func() error) error {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return answer.Errorf(answer.Unavailable, "Too many people are logging in right now. Try again in a few seconds.")
	}
	select {
	case h.running <- struct{}{}:
		defer func() { <-h.running }()
		return do()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// input is what bcrypt sees: it takes 72 bytes at most, so a longer password is first
// hashed to 44 characters.
func input(password string) []byte {
	if len(password) <= 72 {
		return []byte(password)
	}
	sum := sha256.Sum256([]byte(password))
	return []byte(base64.StdEncoding.EncodeToString(sum[:]))
}
