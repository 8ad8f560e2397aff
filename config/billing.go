package config

import (
	"errors"
	"net/url"
	"strings"
	"time"
)

// Billing is how customers pay.
type Billing struct {
	StripeKey      string        `env:"STRIPE_KEY,unset" secret:"true" help:"Stripe's secret or restricted key (sk_… or rk_…); without one there are trials alone"`
	WebhookSecrets []string      `env:"STRIPE_WEBHOOK_SECRETS,unset" secret:"true" help:"the signing secrets (whsec_…) of Stripe's webhook, separated by commas: two while they are changed"`
	StripeURL      string        `env:"STRIPE_URL" envDefault:"https://api.stripe.com" help:"Stripe's API"`
	Price          string        `env:"PRICE" envDefault:"9.00"`
	LaunchPrice    string        `env:"LAUNCH_PRICE" envDefault:"4.50"`
	LaunchMonths   int           `env:"LAUNCH_MONTHS" envDefault:"0" help:"for how many months LAUNCH_PRICE holds; 0: as long as the subscription does"`
	StoragePrice   string        `env:"STORAGE_PRICE" envDefault:"0.50" help:"what a gigabyte more costs a month, or off"`
	CurrencyCode   string        `env:"CURRENCY_CODE" envDefault:"usd" help:"the prices' currency, as Stripe names it"`
	Currency       string        `env:"CURRENCY" envDefault:"$"`
	Grace          time.Duration `env:"GRACE" envDefault:"168h" help:"how long all goes on after a payment has failed, or the trial is over"`
	Retention      time.Duration `env:"RETENTION" envDefault:"168h" help:"how long data are kept after the end of what is paid; then everything is destroyed"`
	ForgetCustomer bool          `env:"STRIPE_FORGET" envDefault:"false" help:"true: the customer at Stripe is deleted with the account; invoices stay there, as the law wants"`
}

// LoadBilling reads them alone from an environment of NAME=value lines.
func LoadBilling(environment []string) (Billing, error) {
	billing, err := loadFrom[Billing](environment)
	if err != nil {
		return billing, err
	}
	return billing, billing.check()
}

// On tells whether anybody can pay.
func (b Billing) On() bool { return b.StripeKey != "" }

func (b Billing) check() error {
	stripe, err := url.Parse(b.StripeURL)
	for _, secret := range b.WebhookSecrets { // they are secret: a complaint must not repeat them
		if !strings.HasPrefix(secret, "whsec_") {
			return errors.New("STRIPE_WEBHOOK_SECRETS must begin with whsec_, separated by commas")
		}
	}
	return errors.Join(
		check(b.StripeKey == "" || strings.HasPrefix(b.StripeKey, "sk_") || strings.HasPrefix(b.StripeKey, "rk_"), "STRIPE_KEY must be a secret key (sk_…) or a restricted one (rk_…)"),
		check(err == nil && stripe.Host != "" && !strings.HasSuffix(b.StripeURL, "/"), "STRIPE_URL must be an address without a slash at the end, such as https://api.stripe.com"),
		check(isPrice(b.Price), "PRICE must be an amount above 0, such as 9.00"),
		check(b.LaunchPrice == Off || isPrice(b.LaunchPrice) && exact(b.LaunchPrice).Cmp(exact(b.Price)) < 0, "LAUNCH_PRICE must be an amount below PRICE, such as 4.50, or off"),
		check(b.StoragePrice == Off || isPrice(b.StoragePrice), "STORAGE_PRICE must be an amount above 0, such as 0.50, or off"),
		check(len(b.CurrencyCode) == 3 && b.CurrencyCode == strings.ToLower(b.CurrencyCode), "CURRENCY_CODE must be three small letters, such as usd"),
		atLeast("LAUNCH_MONTHS", b.LaunchMonths, 0),
		check(min(b.Grace, b.Retention) >= time.Hour, "GRACE and RETENTION must be at least 1h"),
	)
}
