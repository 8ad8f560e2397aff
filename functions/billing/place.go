package billing

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/jobs/billing"
	"slicegate/store"
)

const (
	// checkoutLife is how long a page takes payments: Stripe's least is 30 minutes from when it is made.
	checkoutLife = 31 * time.Minute
	// placeLonger is how much longer its place is kept: who pays in the last second is seen to have paid.
	placeLonger = 2 * time.Minute
	// A page that takes payments for less than this is not opened once more, but another one.
	longEnough = 5 * time.Minute
)

// place is one that is kept for a user while they pay.
type place struct {
	user  store.User
	until time.Time // the page's end
	again bool      // it was kept already, for the same page
}

// what becomes of a place that is kept already.
type manner bool

const (
	reopen manner = false // and its page with it
	anew   manner = true
)

// keepPlace writes the place into the user's row, where there is one. Where there is none the user is put
// on the list of those who are told of the next.
func (b *Billing) keepPlace(ctx context.Context, id int64, storageGB int, how manner) (kept place, err error) {
	var full bool
	err = pgx.BeginFunc(ctx, b.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), b.Clock()
		user, err := queries.LockedUser(ctx, id)
		if err != nil {
			return err
		}
		slice, err := queries.SliceByUser(ctx, id)
		if err != nil && !store.IsNone(err) {
			return err
		}
		kept = pageFor(user, now, how)
		if err := mayPay(user, slice.Status, kept.until); err != nil {
			return err
		}
		if slice.ID == 0 {
			if full, err = noPlace(ctx, queries, user, now); err != nil {
				return err
			}
			if full {
				return queries.WaitForPlace(ctx, id)
			}
		}
		if kept.again {
			return nil
		}
		if err := queries.KeepPlace(ctx, store.KeepPlaceParams{ID: id, Until: kept.until.Add(placeLonger)}); err != nil {
			return err
		}
		return queries.RecordUser(ctx, "checkout", id, map[string]any{"storageGB": storageGB, "until": kept.until})
	})
	if err == nil && full {
		err = errFull
	}
	return kept, err
}

var errFull = answer.Errorf(answer.Conflict, "There is no place free at the moment, so nothing can be paid. You are on the waiting list: a mail tells you when there is one.")

// pageFor is the end of the page that a user is to be given: the one that was made before, as long as that
// takes payments. A second click then asks Stripe for the very same page.
func pageFor(user store.User, now time.Time, how manner) place {
	if user.PlaceUntil != nil && how == reopen {
		until := user.PlaceUntil.Add(-placeLonger)
		// A place that was offered by mail is kept for longer than any page.
		if left := until.Sub(now); left >= longEnough && left <= checkoutLife {
			return place{user: user, until: until, again: true}
		}
	}
	return place{user: user, until: now.Add(checkoutLife).Truncate(time.Second)}
}

// leavePage keeps a place, and not for this page but for another.
func (b *Billing) leavePage(ctx context.Context, kept place) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return store.New(b.Pool).KeepPlace(ctx, store.KeepPlaceParams{ID: kept.user.ID, Until: kept.until.Add(placeLonger - time.Second)})
}

// mayPay refuses to take the money of who has paid, or of whose account nothing could come.
func mayPay(user store.User, slice string, until time.Time) error {
	switch {
	case user.HeldAt != nil:
		return errHeld
	case slice == "destroying" || user.DeleteAfter != nil && user.DeleteAfter.Before(until.Add(placeLonger)):
		return answer.Errorf(answer.Conflict, "This account is about to be deleted with all that is in it, so it cannot be paid for any more. Register again once it has been.")
	case user.SubscriptionStatus == string(billing.Active) && user.EndsAt != nil:
		return answer.Errorf(answer.Conflict, "Your subscription still runs, and is cancelled. Take the cancellation back instead of subscribing again.")
	case user.SubscriptionStatus == string(billing.Active):
		return errSubscribed
	}
	return nil
}

var errHeld = answer.Errorf(answer.Conflict, "A payment of yours is disputed, and your account is stopped until that is settled. Write to support.")

// noPlace tells whether all places are taken, promised, or waited for by others. What it finds holds to
// the end of the transaction.
func noPlace(ctx context.Context, queries *store.Queries, user store.User, now time.Time) (bool, error) {
	if err := queries.LockPlaces(ctx); err != nil {
		return false, err
	}
	if user.PlaceUntil != nil && user.PlaceUntil.After(now) {
		return false, nil
	}
	places, err := queries.Places(ctx, now)
	if err != nil {
		return false, err
	}
	before := places.Waiting
	if user.WaitingSince != nil {
		if before, err = queries.WaitingBefore(ctx, store.WaitingBeforeParams{ID: user.ID, Now: now}); err != nil {
			return false, err
		}
	}
	return before+places.Kept >= places.Places, nil
}
