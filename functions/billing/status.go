package billing

import (
	"context"
	"net/http"
	"time"

	"slicegate/functions/answer"
	"slicegate/functions/session"
	"slicegate/store"
)

// Status is where an account stands: the answer of status, and of what changes it.
type Status struct {
	Enabled     bool       `json:"enabled"` // Stripe is there
	Status      string     `json:"status"`  // as billing.Status
	TrialEndsAt *time.Time `json:"trialEndsAt"`
	PaidUntil   *time.Time `json:"paidUntil"`
	EndsAt      *time.Time `json:"endsAt"`      // it is cancelled, and runs until then
	GraceEndsAt *time.Time `json:"graceEndsAt"` // a payment has failed, or the trial is over: all goes on until then
	DeleteAfter *time.Time `json:"deleteAfter"`
	Retention   int64      `json:"retention"` // seconds that data are kept after the end
	Held        bool       `json:"held"`      // a payment is disputed
	Confirm     *string    `json:"confirm"`   // where the user has to confirm a payment
	Price       string     `json:"price"`     // a month
	LaunchPrice *string    `json:"launchPrice"`
	Discounted  bool       `json:"discounted"`
	Currency    string     `json:"currency"` // the sign before a price
	Storage     Storage    `json:"storage"`
	Customer    bool       `json:"customer"` // the portal can be opened
	SliceStatus string     `json:"slice"`    // as slices.status; "none", or "waiting" for one
}

// Storage is what may be stored, and what is.
type Storage struct {
	IncludedBytes int64   `json:"includedBytes"`
	UsedBytes     int64   `json:"usedBytes"`
	ExtraGB       int32   `json:"extraGB"`    // bought beside
	PricePerGB    *string `json:"pricePerGB"` // a month; null: no more is sold
}

// off is how LAUNCH_PRICE and STORAGE_PRICE say that there is none.
const off = "off"

func (b *Billing) status(w http.ResponseWriter, r *http.Request) error {
	visitor, err := b.visitor(r)
	if err != nil {
		return err
	}
	return b.answerStatus(r.Context(), w, visitor)
}

func (b *Billing) answerStatus(ctx context.Context, w http.ResponseWriter, visitor session.Visitor) error {
	row, err := store.New(b.Pool).BillingByUser(ctx, visitor.UserID)
	if err != nil {
		return err
	}
	status := b.describe(row)
	if visitor.Sight != nil {
		status.Confirm = nil // a page at Stripe that is the owner's alone
	}
	answer.JSON(w, http.StatusOK, status)
	return nil
}

func (b *Billing) describe(row store.BillingByUserRow) Status {
	u := row.User
	status := Status{
		Enabled: b.Stripe != nil, Status: u.SubscriptionStatus,
		TrialEndsAt: u.TrialEndsAt, PaidUntil: u.PaidUntil, EndsAt: u.EndsAt, GraceEndsAt: u.GraceEndsAt, DeleteAfter: u.DeleteAfter,
		Retention: int64(b.Settings.Retention.Seconds()),
		Held:      u.HeldAt != nil, Confirm: u.ActionUrl,
		Price: b.Settings.Price, LaunchPrice: unlessOff(b.Settings.LaunchPrice), Discounted: u.Discounted, Currency: b.Settings.Currency,
		Storage: Storage{
			IncludedBytes: b.MediaQuota, UsedBytes: row.StorageBytes,
			ExtraGB: u.StorageExtra, PricePerGB: unlessOff(b.Settings.StoragePrice),
		},
		Customer: b.Stripe != nil && u.StripeCustomer != nil, SliceStatus: "none",
	}
	switch {
	case row.SliceStatus != nil:
		status.SliceStatus = *row.SliceStatus
	case u.WaitingSince != nil:
		status.SliceStatus = "waiting"
	}
	return status
}

func unlessOff(price string) *string {
	if price == off {
		return nil
	}
	return &price
}
