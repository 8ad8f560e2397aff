package billing

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/jobs"
	"slicegate/payments"
	"slicegate/store"
)

const (
	webhookPath = "/billing/webhook"
	eventLimit  = 64 << 10
)

// webhook takes what Stripe tells. It writes down that it was told, and a job looks at what it was about:
// Stripe gives up on who answers slowly, and tells again what was not answered with 200.
func (b *Billing) webhook(w http.ResponseWriter, r *http.Request) error {
	if b.ReadEvent == nil {
		return errNoStripe
	}
	// The signature is of these very bytes.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, eventLimit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return answer.Errorf(answer.TooLarge, "The event is too large: %d bytes is the most.", eventLimit)
	}
	if err != nil {
		return answer.Errorf(answer.Invalid, "The event did not arrive whole.")
	}
	event, err := b.ReadEvent(body, r.Header.Get("Stripe-Signature"), b.Clock())
	for _, known := range []error{payments.ErrSignature, payments.ErrVersion, payments.ErrElsewhere} {
		if errors.Is(err, known) {
			b.warnOnce(r.Context(), known, err)
			return answer.Errorf(answer.Invalid, "Refused: %s.", err)
		}
	}
	if err != nil {
		return err
	}
	if err := b.TakeEvent(r.Context(), event); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// warnOnce logs that events are refused, once for each reason: anybody can send as many as they like.
func (b *Billing) warnOnce(ctx context.Context, reason, err error) {
	if _, warned := b.warned.LoadOrStore(reason, true); !warned {
		slog.WarnContext(ctx, "an event for Stripe's webhook is refused; further ones like it are not logged", "why", err.Error())
	}
}

// TakeEvent notes an event and enqueues its job, unless it was told before.
func (b *Billing) TakeEvent(ctx context.Context, event payments.Event) error {
	row := store.TakeStripeEventParams{
		ID: clean(event.ID), Type: clean(event.Type), Object: clean(event.Object), CreatedAt: event.Created, ReceivedAt: b.Clock(),
	}
	if event.Customer != "" {
		customer := clean(event.Customer)
		row.Customer = &customer
	}
	if event.User != 0 {
		row.UserID = &event.User
	}
	return pgx.BeginFunc(ctx, b.Pool, func(tx pgx.Tx) error {
		taken, err := store.New(tx).TakeStripeEvent(ctx, row)
		if err != nil || taken == 0 {
			return err
		}
		_, err = b.Jobs.InsertTx(ctx, tx, jobs.HandleStripeEventArgs{Event: row.ID}, nil)
		return err
	})
}

// clean leaves out what Postgres does not take in a text.
func clean(text string) string { return strings.ReplaceAll(text, "\x00", "") }
