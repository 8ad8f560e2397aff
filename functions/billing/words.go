package billing

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"slicegate/functions/answer"
	"slicegate/jobs/billing"
	"slicegate/payments"
)

// askAgain is when whoever found Stripe out of reach may try again.
const askAgain = 10 * time.Second

// inWords makes a refusal of what Stripe did not do; other errors stay what they are.
func (b *Billing) inWords(ctx context.Context, err error) error {
	var refusal *answer.Error
	switch {
	case errors.As(err, &refusal), ctx.Err() != nil: // the client has gone
		return err
	case errors.Is(err, billing.ErrUnreachable), errors.Is(err, context.DeadlineExceeded):
		slog.WarnContext(ctx, "Stripe could not be asked", "error", err.Error())
		return &answer.Error{
			Code: answer.Unavailable, After: askAgain,
			Message: "Stripe, where payments are made, cannot be reached at the moment. Nothing is lost: try again in a few seconds.",
		}
	case errors.Is(err, payments.ErrDeclined):
		return answer.Errorf(answer.Conflict, "Your card was declined, and nothing has changed. Look at your card in the payment settings, or ask your bank.")
	}
	return err
}

// goneIn says in words that Stripe has an account's customer no more.
func goneIn(err error) error {
	if errors.Is(err, billing.ErrGone) {
		return answer.Errorf(answer.Conflict, "Stripe has no payments of this account any more. Subscribe to begin anew, or write to support.")
	}
	return err
}
