package payments

import "testing"

func TestAmountsAreWrittenAsTheirCurrencyIs(t *testing.T) {
	for _, test := range []struct {
		units    int64
		currency string
		want     string
	}{
		{450, "usd", "4.50"}, {5, "usd", "0.05"}, {0, "eur", "0.00"}, {-450, "usd", "-4.50"}, {-5, "usd", "-0.05"},
		{450, "jpy", "450"}, {1450, "kwd", "1.450"}, {50, "bhd", "0.050"}, {123456789, "usd", "1234567.89"},
	} {
		if got := InDigits(test.units, test.currency); got != test.want {
			t.Errorf("%d of %s: %s, want %s", test.units, test.currency, got, test.want)
		}
	}
}
