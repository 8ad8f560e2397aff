package store

// HasGrace tells whether a payment of an account has failed, rather than that its trial is over.
func (u User) HasGrace() bool {
	return u.StripeSubscription != nil && u.SubscriptionStatus == "past_due"
}
