package config_test

import (
	"strings"
	"testing"
	"time"

	"slicegate/config"
)

func TestTheSitesDefaultsAreThePlans(t *testing.T) {
	got, err := config.LoadSite(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Site{
		Brand: "Slicegate", AppURL: "http://app.localhost:8080", SiteURL: "http://localhost:8080", TrialDays: 14,
		Price: "9.00", LaunchPrice: "4.50", StoragePrice: "0.50", Currency: "$", Grace: 168 * time.Hour, Retention: 168 * time.Hour, MediaQuota: 2 << 30, DataResidency: "Canada",
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestTheSiteIsToldFromTheLinesItIsGiven(t *testing.T) {
	t.Setenv("BRAND", "of another program")
	got, err := config.LoadSite([]string{"PRICE=12", "LAUNCH_PRICE=off", "LEGAL_APPROVED=true", "CONTACT_EMAIL=help@example.com", "MEDIA_QUOTA=512M", "STORAGE_PRICE=off"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Brand != "Slicegate" || got.Price != "12" || got.LaunchPrice != "" || got.StoragePrice != "" || !got.LegalApproved || got.Contact != "help@example.com" || got.MediaQuota.Words() != "512 MB" {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsWrongOfTheSiteIsNamed(t *testing.T) {
	for setting, want := range map[string]string{
		"PRICE=free":               "PRICE must be an amount above 0",
		"PRICE=0.00":               "PRICE must be an amount above 0",
		"PRICE=9.5":                "PRICE must be an amount above 0",
		"PRICE=-9.00":              "PRICE must be an amount above 0",
		"LAUNCH_PRICE=10.00":       "LAUNCH_PRICE must be an amount below PRICE",
		"LAUNCH_PRICE=9.00":        "LAUNCH_PRICE must be an amount below PRICE",
		"LAUNCH_PRICE=half":        "LAUNCH_PRICE must be an amount below PRICE",
		"STORAGE_PRICE=much":       "STORAGE_PRICE must be an amount above 0",
		"LAUNCH_MONTHS=-1":         "LAUNCH_MONTHS must be 0 or more",
		"GRACE=1m":                 "GRACE and RETENTION must be at least 1h",
		"RETENTION=1m":             "GRACE and RETENTION must be at least 1h",
		"CONTACT_EMAIL=nobody":     "CONTACT_EMAIL must be an address alone",
		"CONTACT_EMAIL=A <a@b.cd>": "CONTACT_EMAIL must be an address alone",
		"SITE_URL=www.example.com": "SITE_URL must be an address",
		"APP_URL=https://a.bc/":    "APP_URL must be an address without a slash",
		"TRIAL_DAYS=-1":            "TRIAL_DAYS must be 0 or more",
		"LEGAL_APPROVED=perhaps":   "LegalApproved",
		"MEDIA_QUOTA=much":         "no size",
	} {
		if _, err := config.LoadSite([]string{setting}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", setting, err, want)
		}
	}
}

func TestSizesInWords(t *testing.T) {
	for size, want := range map[config.Bytes]string{2 << 30: "2 GB", 1536 << 20: "1.5 GB", 512 << 20: "512 MB"} {
		if got := size.Words(); got != want {
			t.Errorf("%d: %q, want %q", size, got, want)
		}
	}
}

func TestWhoeverReadsASettingHasTheSameDefault(t *testing.T) {
	first := map[string]config.Setting{}
	for reader, settings := range map[string][]config.Setting{
		"functions": config.Settings[config.Functions](), "runner": config.Settings[config.Runner](), "site": config.Settings[config.Site](),
	} {
		for _, setting := range settings {
			if known, ok := first[setting.Name]; ok && known.Default != setting.Default {
				t.Errorf("%s is %q for the %s and %q elsewhere", setting.Name, setting.Default, reader, known.Default)
			}
			first[setting.Name] = setting
		}
	}
}
