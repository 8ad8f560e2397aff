package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"slicegate/store"
	"slicegate/views"
)

// aboutBilling is the detail of a mail about money.
type aboutBilling struct {
	// What it speaks of: the end of the trial, of the grace, of what is paid, of a copy, or of everything.
	At   *time.Time `json:"at,omitempty"`
	Last bool       `json:"last,omitempty"` // of those about the same thing
}

// aboutMoney is how a mail about money, and about the data that depend on it, is written. It is not owed any more
// where its reason is over: whoever has paid meanwhile is not asked to. It goes to the account's address whether
// that was confirmed or not: what is said here costs somebody money, or their data, and there is no other way to
// reach them.
func (w *SendEmail) aboutMoney(row store.EmailToSendRow) (write func(context.Context) (views.Mail, error), owed bool, err error) {
	var about aboutBilling
	if err := json.Unmarshal(row.Detail, &about); err != nil {
		return nil, false, fmt.Errorf("detail of mail %d: %w", row.ID, err)
	}
	var at time.Time
	if about.At != nil {
		at = *about.At
	}
	head, timed := w.Letterhead, true
	switch row.Kind {
	case "trial_ends":
		owed = row.AccountStatus == "trial"
		write = func(ctx context.Context) (views.Mail, error) { return head.TrialEnds(ctx, at) }
	case "trial_over":
		owed = row.AccountStatus == "past_due"
		write = func(ctx context.Context) (views.Mail, error) { return head.TrialOver(ctx, at, about.Last) }
	case "payment_failed":
		owed = row.AccountStatus == "past_due"
		write = func(ctx context.Context) (views.Mail, error) { return head.PaymentFailed(ctx, at, about.Last) }
	case "will_end":
		owed = row.AccountStatus != "cancelled" && row.EndsAt != nil
		write = func(ctx context.Context) (views.Mail, error) { return head.WillEnd(ctx, at) }
	case "ended":
		owed = row.AccountStatus == "cancelled"
		write = func(ctx context.Context) (views.Mail, error) { return head.Ended(ctx, at) }
	case "deleted_soon":
		owed = row.AccountStatus == "cancelled"
		write = func(ctx context.Context) (views.Mail, error) { return head.DeletedSoon(ctx, at) }
	case "export_ready":
		owed = row.HasExport
		write = func(ctx context.Context) (views.Mail, error) { return head.ExportReady(ctx, at) }
	case "payment_action":
		timed, owed = false, row.ActionUrl != nil
		write = func(ctx context.Context) (views.Mail, error) { return head.PaymentAction(ctx, *row.ActionUrl) }
	case "paused":
		timed, owed = false, row.HeldAt != nil || w.graceIsOver(row)
		write = func(ctx context.Context) (views.Mail, error) { return head.Paused(ctx, row.HeldAt != nil) }
	case "resumed":
		timed, owed = false, row.HeldAt == nil && row.AccountStatus != "cancelled" && !w.graceIsOver(row)
		write = head.Resumed
	default:
		return nil, false, fmt.Errorf("there are no mails of kind %q", row.Kind)
	}
	if timed && about.At == nil {
		return nil, false, fmt.Errorf("the detail of mail %d has no time", row.ID)
	}
	return write, owed && !(timed && at.Before(w.Clock())), nil // what it tells of as to come has come: another mail tells of that
}

// graceIsOver tells whether an account is stopped until it is paid.
func (w *SendEmail) graceIsOver(row store.EmailToSendRow) bool {
	return row.AccountStatus == "past_due" && row.GraceEndsAt != nil && !row.GraceEndsAt.After(w.Clock())
}
