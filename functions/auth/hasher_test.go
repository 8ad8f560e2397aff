package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"slicegate/functions/answer"
)

func TestLongPasswordsDifferBeyond72Bytes(t *testing.T) {
	t.Parallel()
	hasher, err := NewHasher(1, bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	ctx, long := context.Background(), strings.Repeat("x", 72)
	hash, err := hasher.Hash(ctx, long+"1")
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{long + "1": true, long + "2": false, long: false} {
		if got, err := hasher.Matches(ctx, hash, password); err != nil || got != want {
			t.Errorf("%d bytes: got %v, %v", len(password), got, err)
		}
	}
}

func TestNobodysHashNeverMatches(t *testing.T) {
	t.Parallel()
	hasher, err := NewHasher(1, bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := hasher.Matches(context.Background(), "", "nobody has this password"); err != nil || got {
		t.Errorf("got %v, %v", got, err)
	}
	// It takes as long as anybody's: bcrypt's time is its cost.
	if cost, err := bcrypt.Cost(hasher.nobody); err != nil || cost != bcrypt.MinCost {
		t.Errorf("an unknown address is checked at cost %d, %v", cost, err)
	}
}

func TestHashesAreBounded(t *testing.T) {
	t.Parallel()
	hasher, err := NewHasher(1, bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	hasher.running <- struct{}{} // one that takes long
	ctx, cancel := context.WithCancel(context.Background())
	answers := make(chan error)
	for range cap(hasher.waiting) + 1 {
		go func() { _, err := hasher.Hash(ctx, "password"); answers <- err }()
	}
	var refusal *answer.Error
	if err := <-answers; !errors.As(err, &refusal) || int(refusal.Code) != http.StatusServiceUnavailable {
		t.Errorf("one too many got %v", err)
	}
	cancel() // the others' clients go away
	for range cap(hasher.waiting) {
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Errorf("one that waited got %v", err)
		}
	}
}
