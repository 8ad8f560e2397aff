package config

import (
	"errors"
	"fmt"
	"math/big"
	"net/mail"
	"regexp"
	"strings"
	"time"
)

// Site is what the marketing site says of this installation. What others read too is described
// where they declare it, and has the same default.
type Site struct {
	Brand         string        `env:"BRAND" envDefault:"Slicegate"`
	AppURL        string        `env:"APP_URL" envDefault:"http://app.localhost:8080"`
	SiteURL       string        `env:"SITE_URL" envDefault:"http://localhost:8080" help:"the marketing site's address, without a slash at the end"`
	Contact       string        `env:"CONTACT_EMAIL"`
	TrialDays     int           `env:"TRIAL_DAYS" envDefault:"14"`
	Price         string        `env:"PRICE" envDefault:"9.00" help:"what a month costs"`
	LaunchPrice   string        `env:"LAUNCH_PRICE" envDefault:"4.50" help:"what it costs while the launch offer stands, or off"`
	LaunchMonths  int           `env:"LAUNCH_MONTHS" envDefault:"0"`
	StoragePrice  string        `env:"STORAGE_PRICE" envDefault:"0.50"`
	Currency      string        `env:"CURRENCY" envDefault:"$" help:"the sign before a price"`
	Grace         time.Duration `env:"GRACE" envDefault:"168h"`
	Retention     time.Duration `env:"RETENTION" envDefault:"168h"`
	MediaQuota    Bytes         `env:"MEDIA_QUOTA" envDefault:"2G"`
	DataResidency string        `env:"DATA_RESIDENCY" envDefault:"Canada" help:"the country in which the servers are, as the site names it"`
	LegalApproved bool          `env:"LEGAL_APPROVED" envDefault:"false" help:"true once you had terms and privacy checked and made them yours; until then both say at their top that they are a draft"`
}

// Off is how LAUNCH_PRICE and STORAGE_PRICE say that there is none: what is set to nothing has its default.
const Off = "off"

var amount = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{2})?$`)

// LoadSite reads the site's settings from an environment of NAME=value lines. Without a launch offer
// LaunchPrice is empty, and so is StoragePrice where no more storage is sold.
func LoadSite(environment []string) (Site, error) {
	config, err := loadFrom[Site](environment)
	if err != nil {
		return config, err
	}
	if config.LaunchPrice == Off {
		config.LaunchPrice = ""
	}
	if config.StoragePrice == Off {
		config.StoragePrice = ""
	}
	contact, contactErr := mail.ParseAddress(config.Contact)
	return config, errors.Join(
		webAddress("APP_URL", config.AppURL),
		webAddress("SITE_URL", config.SiteURL),
		check(config.Contact == "" || contactErr == nil && contact.Address == config.Contact, "CONTACT_EMAIL must be an address alone, such as help@example.com"),
		atLeast("TRIAL_DAYS", config.TrialDays, 0),
		check(isPrice(config.Price), "PRICE must be an amount above 0, such as 9.00"),
		check(config.LaunchPrice == "" || isPrice(config.LaunchPrice) && exact(config.LaunchPrice).Cmp(exact(config.Price)) < 0,
			"LAUNCH_PRICE must be an amount below PRICE, such as 4.50, or off"),
		check(config.StoragePrice == "" || isPrice(config.StoragePrice), "STORAGE_PRICE must be an amount above 0, such as 0.50, or off"),
		atLeast("LAUNCH_MONTHS", config.LaunchMonths, 0),
		check(min(config.Grace, config.Retention) >= time.Hour, "GRACE and RETENTION must be at least 1h"),
	)
}

func webAddress(name, address string) error {
	return check(isWeb(address) && !strings.HasSuffix(address, "/"), name+" must be an address without a slash at the end, such as https://www.example.com")
}

func isPrice(text string) bool { return amount.MatchString(text) && exact(text).Sign() > 0 }

// exact is a price as a number; 0 for what is none.
func exact(price string) *big.Rat {
	if value, ok := new(big.Rat).SetString(price); ok {
		return value
	}
	return new(big.Rat)
}

// Words is a size as people read it: "2 GB", "512 MB".
func (b Bytes) Words() string {
	if b >= 1<<30 {
		return fmt.Sprintf("%.3g GB", float64(b)/(1<<30))
	}
	return fmt.Sprintf("%d MB", b>>20)
}
