package payments

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"slicegate/jobs/billing"
)

// newest is how many invoices are shown.
const newest = 24

// Invoices are a customer's newest, at most 24, the newest first, without those that are still written.
func (s *Stripe) Invoices(ctx context.Context, customer string) ([]billing.Invoice, error) {
	ctx, cancel := call(ctx)
	defer cancel()
	doing := "read the invoices of " + customer
	if err := checkID(doing, customer); err != nil {
		return nil, err
	}
	invoices := []billing.Invoice{}
	list := s.api.Invoices.List(&stripe.InvoiceListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(newest)}, Customer: &customer,
	})
	for len(invoices) < newest && list.Next() {
		found := list.Invoice()
		if found.Status == stripe.InvoiceStatusDraft {
			continue
		}
		invoices = append(invoices, billing.Invoice{
			ID: found.ID, Number: found.Number, At: instant(found.Created), Amount: found.Total,
			Currency: string(found.Currency), Status: string(found.Status), URL: found.HostedInvoiceURL,
		})
	}
	return invoices, failed(doing, list.Err())
}
