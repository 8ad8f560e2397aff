package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/jobs/billing"
	"slicegate/store"
)

// Settler brings accounts to what is paid for them.
type Settler struct {
	Pool   *pgxpool.Pool
	Stripe billing.Stripe // nil: there are trials alone
	Terms  billing.Terms
	Clock  Clock
}

// An order that a slice does not take now, because it is being moved or made, is given again after this.
const orderAgain = 30 * time.Second

// Settle asks Stripe what an account has, and gives it what it has paid for, or takes it away: the row,
// the slice's orders, the mails and the wait for a slice, in one transaction. It may be called by several
// at once: what was asked of Stripe first is not written over what was asked later. An account that is
// gone, an admin's, and one that an operator is ending is left alone.
func (s *Settler) Settle(ctx context.Context, client *river.Client[pgx.Tx], user int64) error {
	asked, err := store.New(s.Pool).AccountToSettle(ctx, user)
	if store.IsNone(err) || err == nil && asked.IsAdmin {
		return nil
	}
	if err != nil {
		return err
	}
	var sub *billing.Subscription
	if s.Stripe != nil && asked.StripeCustomer != nil {
		// No transaction is open meanwhile: Stripe may take its time.
		if sub, err = s.Stripe.Subscription(ctx, *asked.StripeCustomer, deref(asked.StripeSubscription)); err != nil {
			return err
		}
	}
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		row, err := queries.LockedAccount(ctx, user)
		if store.IsNone(err) || err == nil && row.StripeReadAt != nil && row.StripeReadAt.After(asked.At) {
			return nil
		}
		if err != nil || row.TerminateAt != nil {
			return err
		}
		if deref(row.StripeCustomer) != deref(asked.StripeCustomer) {
			// It has become a customer meanwhile: what Stripe was asked is not what it has.
			_, err := client.InsertTx(ctx, tx, SettleAccountArgs{User: user, Asked: s.Clock()}, nil)
			return err
		}
		return (&settling{Settler: s, tx: tx, queries: queries, client: client, row: row, now: s.Clock()}).write(ctx, sub, asked.At)
	})
}

// settling is one account that is being settled, its row locked.
type settling struct {
	*Settler
	tx      pgx.Tx
	queries *store.Queries
	client  *river.Client[pgx.Tx]
	row     store.User
	slice   *store.SliceByUserRow // nil: none
	now     time.Time
}

func (s *settling) write(ctx context.Context, sub *billing.Subscription, readAt time.Time) error {
	slice, err := s.queries.SliceByUser(ctx, s.row.ID)
	switch {
	case err == nil:
		s.slice = &slice
	case !store.IsNone(err):
		return err
	}
	before := accountOf(s.row)
	if before.HeldAt, err = s.held(ctx); err != nil {
		return err
	}
	account, wanted, mails := billing.Life(sub, before, s.row.WaitingSince != nil && s.slice == nil, s.Terms, s.now)
	again, err := s.order(ctx, account, wanted)
	if err != nil {
		return err
	}
	if again && (account.SettleAt == nil || account.SettleAt.After(s.now.Add(orderAgain))) {
		at := s.now.Add(orderAgain)
		account.SettleAt = &at
	}
	if err := s.queries.WriteAccount(ctx, rowOf(s.row, account, readAt)); err != nil {
		return err
	}
	if err := s.notePrice(ctx, before.Monthly, account.Monthly); err != nil {
		return err
	}
	for _, mail := range mails {
		if err := s.owe(ctx, mail); err != nil {
			return err
		}
	}
	if err := s.tell(ctx, account); err != nil {
		return err
	}
	if err := s.wait(ctx, account, wanted); err != nil {
		return err
	}
	if s.slice != nil && int(s.row.StorageExtra) != account.StorageGB {
		if err := s.enqueue(ctx, SetQuotaArgs{Server: s.slice.Server, Slice: s.slice.ID, Asked: s.now}); err != nil {
			return err
		}
	}
	if was := billing.Status(s.row.SubscriptionStatus); was != account.Status {
		return s.queries.RecordUser(ctx, "status", s.row.ID, map[string]any{"from": was, "to": account.Status})
	}
	return nil
}

// notePrice writes into the audit what a month costs from now on: what came in by month is made of it.
func (s *settling) notePrice(ctx context.Context, was, is billing.Monthly) error {
	if is.Currency == "" || was.Price == is.Price && was.Currency == is.Currency {
		return nil
	}
	return s.queries.RecordUser(ctx, "price", s.row.ID, map[string]any{"from": was.Price, "to": is.Price, "currency": is.Currency})
}

func (s *settling) held(ctx context.Context) (*time.Time, error) {
	at, err := s.queries.HeldSince(ctx, s.row.ID)
	if store.IsNone(err) {
		return nil, nil
	}
	return &at, err
}

// order gives the slice the order that brings it to what is wanted; again tells that it has to be looked
// at once more.
func (s *settling) order(ctx context.Context, account billing.Account, wanted billing.Wanted) (again bool, err error) {
	if s.slice == nil {
		if wanted == billing.Destroy {
			// Nothing is left of it but the account.
			return true, s.enqueue(ctx, ForgetAccountArgs{User: s.row.ID})
		}
		return false, nil
	}
	var order Order
	switch status := s.slice.Status; {
	case s.slice.Moving:
		return true, nil
	case wanted == billing.Destroy && status != "destroying":
		order = OrderDestroy
	case status == "destroying":
		// Once it is gone, the account is forgotten; or it has paid, and waits for another.
		return wanted == billing.Destroy || account.Status == billing.Active, nil
	case wanted == billing.Stop && status == "assigned":
		order = OrderSuspend
	case wanted == billing.Run && status == "suspended" && deref(s.slice.SuspendedFor) == ActorBilling:
		order = OrderResume
	default:
		return false, nil
	}
	err = Give(ctx, s.tx, s.client, order, s.slice.ID, ActorBilling, s.now)
	if errors.Is(err, ErrRefused) {
		return true, nil
	}
	return wanted == billing.Destroy, err
}

// wait lets an account that has paid and has no slice wait for one, and serves it at once if one is ready.
// Who is not to have one waits no more.
func (s *settling) wait(ctx context.Context, account billing.Account, wanted billing.Wanted) error {
	waits := s.row.WaitingSince != nil
	if s.slice != nil || waits == (wanted == billing.Run) || !waits && account.Status != billing.Active {
		return nil // a trial waits from its registration, and not again once its slice was destroyed
	}
	if waits {
		return s.queries.SetWaiting(ctx, store.SetWaitingParams{ID: s.row.ID})
	}
	if err := s.queries.SetWaiting(ctx, store.SetWaitingParams{ID: s.row.ID, Since: &s.now}); err != nil {
		return err
	}
	if _, err := store.Match(ctx, s.tx, ActorBilling, s.now); err != nil {
		return err
	}
	refill, err := ForServers(ctx, s.tx, func(server string) river.JobArgs { return FillPoolArgs{Server: server} })
	if err != nil || len(refill) == 0 {
		return err
	}
	_, err = s.client.InsertManyFastTx(ctx, s.tx, refill)
	return err
}

// owe writes down a mail, unless that was done.
func (s *settling) owe(ctx context.Context, mail billing.Mail) error {
	detail := map[string]any{}
	if mail.At != nil {
		detail["at"] = mail.At.UTC()
	}
	if mail.Last {
		detail["last"] = true
	}
	encoded, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	id, err := s.queries.OweEmailOnce(ctx, store.OweEmailOnceParams{
		UserID: s.row.ID, Kind: mail.Kind, Detail: encoded, Once: fmt.Sprintf("%d:%s", s.row.ID, mail.Once), Now: s.now,
	})
	if store.IsNone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.enqueue(ctx, SendEmailArgs{Email: id})
}

// tell opens the alert about a payment that is in doubt, for as long as it is.
func (s *settling) tell(ctx context.Context, account billing.Account) error {
	if account.HeldAt == nil {
		return closeAlert(ctx, s.queries, alertPaymentDoubted, subjectUser(s.row.ID), s.now)
	}
	return openAlert(ctx, s.queries, Alert{
		Kind: alertPaymentDoubted, Subject: subjectUser(s.row.ID), Severity: "critical",
		Detail: "A payment of this account is disputed, or Stripe warns of fraud: its slice is stopped. Look at it in Stripe's dashboard; `runner account release` lets it run again.",
	}, s.now)
}

func (s *settling) enqueue(ctx context.Context, args river.JobArgs) error {
	_, err := s.client.InsertTx(ctx, s.tx, args, nil)
	return err
}

func accountOf(row store.User) billing.Account {
	return billing.Account{
		Status: billing.Status(row.SubscriptionStatus), TrialEndsAt: row.TrialEndsAt, Subscription: deref(row.StripeSubscription),
		PaidUntil: row.PaidUntil, EndsAt: row.EndsAt, Discounted: row.Discounted, StorageGB: int(row.StorageExtra), ActionURL: deref(row.ActionUrl),
		Monthly:     billing.Monthly{Price: derefInt(row.MonthlyPrice), Storage: derefInt(row.MonthlyStorage), Discount: derefInt(row.MonthlyDiscount), Currency: deref(row.Currency)},
		GraceEndsAt: row.GraceEndsAt, CancelledAt: row.CancelledAt, DeleteAfter: row.DeleteAfter, HeldAt: row.HeldAt, SettleAt: row.SettleAt,
		GraceUntil: row.GraceUntil,
	}
}

func rowOf(row store.User, a billing.Account, readAt time.Time) store.WriteAccountParams {
	written := store.WriteAccountParams{
		ID: row.ID, SubscriptionStatus: string(a.Status), StripeSubscription: orNil(a.Subscription), PaidUntil: a.PaidUntil, EndsAt: a.EndsAt,
		Discounted: a.Discounted, StorageExtra: int32(a.StorageGB), ActionUrl: orNil(a.ActionURL), GraceEndsAt: a.GraceEndsAt,
		CancelledAt: a.CancelledAt, DeleteAfter: a.DeleteAfter, HeldAt: a.HeldAt, SettleAt: a.SettleAt, StripeReadAt: readAt,
	}
	if money := a.Monthly; money.Currency != "" {
		written.MonthlyPrice, written.MonthlyStorage, written.MonthlyDiscount, written.Currency = &money.Price, &money.Storage, &money.Discount, &money.Currency
	}
	return written
}

func derefInt(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
