package payments

import (
	"cmp"
	"context"
	"time"

	"github.com/stripe/stripe-go/v76"

	"slicegate/jobs/billing"
)

// read is a subscription in our words. Payments that the operator has paused (pause_collection) leave it
// active, and so do refunds: both are gifts.
func (s *Stripe) read(ctx context.Context, found *stripe.Subscription) (billing.Subscription, error) {
	read := billing.Subscription{
		ID:         found.ID,
		Status:     string(found.Status),
		PaidUntil:  instant(found.CurrentPeriodEnd),
		EndsAt:     ends(found),
		EndedAt:    ended(found),
		ActionURL:  action(found),
		Discounted: discounted(found, s.now()),
		StorageGB:  storage(found),
		Monthly:    monthly(found, s.now()),
	}
	switch found.Status {
	case stripe.SubscriptionStatusPastDue, stripe.SubscriptionStatusUnpaid, stripe.SubscriptionStatusIncomplete:
		since, err := s.unpaidSince(ctx, found)
		if err != nil {
			return read, err
		}
		read.FailedAt = &since
	}
	return read, nil
}

func ends(found *stripe.Subscription) *time.Time {
	switch {
	case ended(found) != nil:
		return nil
	case found.CancelAt != 0:
		return moment(found.CancelAt)
	case found.CancelAtPeriodEnd:
		return moment(found.CurrentPeriodEnd)
	}
	return nil
}

func ended(found *stripe.Subscription) *time.Time {
	if found.Status != stripe.SubscriptionStatusCanceled && found.Status != stripe.SubscriptionStatusIncompleteExpired {
		return nil
	}
	return moment(cmp.Or(found.EndedAt, found.CanceledAt, found.Created))
}

// unpaidSince is when what is owed was due. Where several invoices on end are unpaid it is the first of
// them: each new month would otherwise be a new grace.
func (s *Stripe) unpaidSince(ctx context.Context, found *stripe.Subscription) (time.Time, error) {
	since := found.CurrentPeriodStart
	if found.LatestInvoice != nil && found.LatestInvoice.ID != "" {
		since = cmp.Or(due(found.LatestInvoice), since)
	}
	list := s.api.Invoices.List(&stripe.InvoiceListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(24)}, Subscription: &found.ID,
	})
	for list.Next() {
		switch invoice := list.Invoice(); invoice.Status {
		case stripe.InvoiceStatusOpen, stripe.InvoiceStatusUncollectible:
			since = due(invoice)
		case stripe.InvoiceStatusPaid:
			return instant(since), nil
		}
	}
	return instant(since), failed("read the invoices of "+found.ID, list.Err())
}

// due is when an invoice had to be paid: those that a card is charged for, when they were made final.
func due(invoice *stripe.Invoice) int64 {
	finalized := int64(0)
	if invoice.StatusTransitions != nil {
		finalized = invoice.StatusTransitions.FinalizedAt
	}
	return cmp.Or(invoice.DueDate, finalized, invoice.Created)
}

// action is where a payment is to be confirmed. One that failed is not to be confirmed any more.
func action(found *stripe.Subscription) string {
	invoice := found.LatestInvoice
	if ended(found) == nil && invoice != nil && invoice.Status == stripe.InvoiceStatusOpen &&
		invoice.PaymentIntent != nil && invoice.PaymentIntent.Status == stripe.PaymentIntentStatusRequiresAction {
		return invoice.HostedInvoiceURL
	}
	return ""
}

func discounted(found *stripe.Subscription, now time.Time) bool {
	discount := found.Discount
	return discount != nil && !discount.Deleted && (discount.End == 0 || discount.End > now.Unix())
}

// storage is how many gigabytes are bought, whatever a gigabyte cost at that time.
func storage(found *stripe.Subscription) int {
	gigabytes := int64(0)
	if found.Items == nil {
		return 0
	}
	for _, item := range found.Items.Data {
		if isStorage(item) {
			gigabytes += item.Quantity
		}
	}
	return int(gigabytes)
}

func isStorage(item *stripe.SubscriptionItem) bool {
	return !item.Deleted && item.Price != nil && item.Price.Product != nil && item.Price.Product.ID == storageProduct
}

// instant is a time of Stripe's; 0 is none.
func instant(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func moment(seconds int64) *time.Time {
	at := instant(seconds)
	return &at
}
