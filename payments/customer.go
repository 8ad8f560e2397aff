package payments

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/stripe/stripe-go/v76"
)

// userKey names the user in the metadata of what is made for them.
const userKey = "user"

// Customer finds or makes the customer of a user, whose address is `email`. `known` is the id that the
// row has; empty: none. A customer that was deleted at Stripe, or that this account never had, is made
// anew.
func (s *Stripe) Customer(ctx context.Context, user int64, email, known string) (string, error) {
	ctx, cancel := call(ctx)
	defer cancel()
	doing := fmt.Sprintf("find the customer of user %d", user)
	if known != "" {
		if err := checkID(doing, known); err != nil {
			return "", err
		}
		found, err := s.api.Customers.Get(known, &stripe.CustomerParams{Params: stripe.Params{Context: ctx}})
		if err != nil && !gone(err) {
			return "", failed(doing, err)
		}
		if err == nil && !found.Deleted {
			return known, s.rename(ctx, found, user, email)
		}
	}
	params := &stripe.CustomerParams{Params: stripe.Params{Context: ctx}, Email: &email}
	params.AddMetadata(userKey, strconv.FormatInt(user, 10))
	// The key must go with what is sent: Stripe refuses one that comes back with another address. It is
	// another each hour, because Stripe repeats what it answered, an error of its own too, for a day.
	params.SetIdempotencyKey(fmt.Sprintf("customer-%d-%x-%s-%d", user, sha256.Sum256([]byte(email)), known, s.now().Unix()/3600))
	made, err := s.api.Customers.New(params)
	if err != nil {
		return "", failed(fmt.Sprintf("make the customer of user %d", user), err)
	}
	return made.ID, nil
}

// rename brings a customer to the user's present address: receipts go there.
func (s *Stripe) rename(ctx context.Context, found *stripe.Customer, user int64, email string) error {
	owner := strconv.FormatInt(user, 10)
	if found.Metadata[userKey] != "" && found.Metadata[userKey] != owner {
		return fmt.Errorf("the customer %s is of user %s, and not of user %d", found.ID, found.Metadata[userKey], user)
	}
	if found.Email == email && found.Metadata[userKey] == owner {
		return nil
	}
	params := &stripe.CustomerParams{Params: stripe.Params{Context: ctx}, Email: &email}
	params.AddMetadata(userKey, owner)
	_, err := s.api.Customers.Update(found.ID, params)
	return failed("tell Stripe the address of user "+owner, err)
}

// Forget deletes a customer, and with it their subscriptions and cards; Stripe keeps their invoices.
// Gone already is no error.
func (s *Stripe) Forget(ctx context.Context, customer string) error {
	ctx, cancel := call(ctx)
	defer cancel()
	doing := "delete the customer " + customer
	if err := checkID(doing, customer); err != nil {
		return err
	}
	_, err := s.api.Customers.Del(customer, &stripe.CustomerParams{Params: stripe.Params{Context: ctx}})
	if gone(err) {
		return nil
	}
	return failed(doing, err)
}
