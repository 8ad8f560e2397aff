package main

import (
	"testing"
	"time"

	"slicegate/config"
	"slicegate/views"
)

func TestMailsKnowWhatCanBePaid(t *testing.T) {
	const grace, retention = 5 * time.Hour, 9 * time.Hour
	settings := config.Billing{Price: "9.00", LaunchPrice: "4.50", Currency: "$", Grace: grace, Retention: retention}
	for _, test := range []struct {
		key, launch string
		months      int
		price       string
	}{
		{"", "4.50", 0, ""}, // nothing can be paid
		{"sk_test_1", "4.50", 0, "$4.50 a month, instead of $9.00, for as long as you stay subscribed"},
		{"sk_test_1", "4.50", 2, "$4.50 a month for the first 2 months, and $9.00 a month after that"},
		{"sk_test_1", "off", 2, "$9.00 a month"},
	} {
		settings.StripeKey, settings.LaunchPrice, settings.LaunchMonths = test.key, test.launch, test.months
		if got, want := terms(settings), (views.Terms{Price: test.price, Grace: grace, Retention: retention}); got != want {
			t.Errorf("%+v: got %+v, want %+v", test, got, want)
		}
	}
}
