package payments

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/stripe/stripe-go/v76"

	"slicegate/jobs/billing"
)

// expanded is what is read with a subscription, of one and, after a prefix, of each of a list.
func expanded(params interface{ AddExpand(string) }, prefix string) {
	params.AddExpand(prefix + "latest_invoice.payment_intent")
	params.AddExpand(prefix + "discount.coupon.applies_to")
}

// Subscription is what a customer has now, or had last; nil: nothing, and never had. `known` is the
// newest that was read before (empty: none): of a deleted customer, whose list Stripe does not show,
// it is the answer. A customer that this account never had is billing.ErrGone, and not nil: another
// key must not look like customers who have left.
func (s *Stripe) Subscription(ctx context.Context, customer, known string) (*billing.Subscription, error) {
	ctx, cancel := call(ctx)
	defer cancel()
	doing := "read the subscription of " + customer
	if err := checkID(doing, customer); err != nil {
		return nil, err
	}
	params := &stripe.SubscriptionListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}, Customer: &customer, Status: stripe.String("all"),
	}
	expanded(params, "data.")
	var best *stripe.Subscription
	list := s.api.Subscriptions.List(params)
	for list.Next() {
		if found := list.Subscription(); best == nil || better(found, best) < 0 {
			best = found
		}
	}
	err := list.Err()
	if err != nil && !gone(err) {
		return nil, failed(doing, err)
	}
	if best == nil && err == nil && known == "" {
		return nil, nil
	}
	if best == nil {
		if best, err = s.former(ctx, customer, known); best == nil || err != nil {
			return nil, failed(doing, err)
		}
	}
	read, err := s.read(ctx, best)
	return &read, err
}

// former is the subscription that a customer had before they were deleted, or nil; its error is Stripe's.
func (s *Stripe) former(ctx context.Context, customer, known string) (*stripe.Subscription, error) {
	if known == "" {
		_, err := s.api.Customers.Get(customer, &stripe.CustomerParams{Params: stripe.Params{Context: ctx}})
		return nil, err
	}
	params := &stripe.SubscriptionParams{Params: stripe.Params{Context: ctx}}
	expanded(params, "")
	return s.api.Subscriptions.Get(known, params)
}

// gives orders the statuses by what they give, the most first.
var gives = []stripe.SubscriptionStatus{
	stripe.SubscriptionStatusActive, stripe.SubscriptionStatusTrialing, stripe.SubscriptionStatusPastDue,
	stripe.SubscriptionStatusUnpaid, stripe.SubscriptionStatusPaused, stripe.SubscriptionStatusCanceled,
	stripe.SubscriptionStatusIncomplete, stripe.SubscriptionStatusIncompleteExpired,
}

// better is below 0 where a gives more than b: by its status, then the one that is not cancelled, then
// the newest.
func better(a, b *stripe.Subscription) int {
	rank := func(s *stripe.Subscription) int {
		place := slices.Index(gives, s.Status)
		switch {
		case place == 1: // a trial gives as much as what is paid
			return 0
		case place < 0: // a status of another year
			return len(gives)
		}
		return place
	}
	ending := func(s *stripe.Subscription) int {
		if ends(s) != nil {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		cmp.Compare(ending(a), ending(b)),
		cmp.Compare(b.EndedAt, a.EndedAt),
		cmp.Compare(b.Created, a.Created),
	)
}

// Subscriptions are all that the account has and that have not ended, by their customers. It stops with
// the first error.
func (s *Stripe) Subscriptions(ctx context.Context) iter.Seq2[billing.Owned, error] {
	return func(yield func(billing.Owned, error) bool) {
		const doing = "read all subscriptions"
		params := &stripe.SubscriptionListParams{ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}}
		expanded(params, "data.")
		list := s.api.Subscriptions.List(params)
		for list.Next() {
			found := list.Subscription()
			if ended(found) != nil {
				continue
			}
			read, err := s.read(ctx, found)
			if err != nil {
				yield(billing.Owned{}, err)
				return
			}
			user, _ := strconv.ParseInt(found.Metadata[userKey], 10, 64)
			if !yield(billing.Owned{Customer: found.Customer.ID, User: user, Subscription: read}, nil) {
				return
			}
		}
		if err := list.Err(); err != nil {
			yield(billing.Owned{}, failed(doing, err))
		}
	}
}
