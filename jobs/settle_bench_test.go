package jobs

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"slicegate/jobs/billing"
)

// BenchmarkAssignOncePaid is from Stripe's answer until whoever has paid has their slice:
//
//	go test ./jobs -run '^$' -bench AssignOncePaid -benchtime 300x
func BenchmarkAssignOncePaid(b *testing.B) {
	w := newTill(b)
	var answered time.Time
	w.stripe.asked = func() { answered = time.Now() }
	var took []time.Duration
	for i := range b.N {
		b.StopTimer()
		customer := fmt.Sprint("cus_of_", i)
		w.free()
		user := w.value("INSERT INTO gateway.users (email, password_hash, subscription_status, stripe_customer) VALUES ($1, '', 'unpaid', $2) RETURNING id", fmt.Sprint(i, "@example.com"), customer)
		w.stripe.has[customer] = &billing.Subscription{ID: fmt.Sprint("sub_", i), Status: "active", PaidUntil: w.now.Add(30 * aDay)}
		b.StartTimer()
		if err := w.settler.Settle(context.Background(), w.client, user); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(answered))
		if n := w.value("SELECT count(*) FROM gateway.slices WHERE user_id = $1 AND status = 'assigned'", user); n != 1 {
			b.Fatal("no slice")
		}
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1e3, "ms-median")
	b.ReportMetric(took[len(took)-1].Seconds()*1e3, "ms-worst")
}
