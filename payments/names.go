package payments

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"slicegate/config"
)

// The products, by their ids at Stripe.
const (
	sliceProduct   = "slicegate_slice"
	storageProduct = "slicegate_storage"
)

// off is how LAUNCH_PRICE and STORAGE_PRICE say that there is none.
const off = "off"

// amount is a price of the settings ("9.00") in the smallest unit of a currency, as Stripe counts it.
func amount(price, currency string) (int64, error) {
	unit := int64(math.Pow10(decimals(currency)))
	value, valid := new(big.Rat).SetString(price)
	if !valid {
		return 0, fmt.Errorf("%q is no price", price)
	}
	if value.Mul(value, new(big.Rat).SetInt64(unit)); !value.IsInt() {
		return 0, fmt.Errorf("%s is no price in %s, which has no hundredths", price, currency)
	}
	return value.Num().Int64(), nil
}

// Units is a price of the settings ("9.00") in the smallest unit of a currency.
func Units(price, currency string) (int64, error) { return amount(price, currency) }

// Currencies whose smallest unit is not a hundredth (docs.stripe.com/currencies).
var (
	whole       = strings.Fields("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
	thousandths = strings.Fields("bhd jod kwd omr tnd")
)

// decimals is how many digits the smallest unit of a currency has behind the point.
func decimals(currency string) int {
	switch {
	case slices.Contains(whole, currency):
		return 0
	case slices.Contains(thousandths, currency):
		return 3
	}
	return 2
}

// InDigits writes so many of the smallest units of a currency: 450 of "usd" are "4.50".
func InDigits(units int64, currency string) string {
	digits := decimals(currency)
	return new(big.Rat).SetFrac64(units, int64(math.Pow10(digits))).FloatString(digits)
}

// lookupKey is the name of a product's price: one for each amount and currency.
func lookupKey(product, price, currency string) (string, error) {
	units, err := amount(price, currency)
	return fmt.Sprintf("%s_%s_%d", product, currency, units), err
}

// launchCoupon is the id of the coupon that makes PRICE the LAUNCH_PRICE, and what it takes off; empty:
// there is no launch price.
func launchCoupon(settings config.Billing) (id string, amountOff int64, err error) {
	if settings.LaunchPrice == off || settings.LaunchPrice == "" {
		return "", 0, nil
	}
	full, err := amount(settings.Price, settings.CurrencyCode)
	if err != nil {
		return "", 0, err
	}
	launch, err := amount(settings.LaunchPrice, settings.CurrencyCode)
	if err != nil {
		return "", 0, err
	}
	months := "forever"
	if settings.LaunchMonths > 0 {
		months = fmt.Sprintf("%d_months", settings.LaunchMonths)
	}
	return fmt.Sprintf("slicegate_launch_%s_%d_%d_%s", settings.CurrencyCode, full, launch, months), full - launch, nil
}
