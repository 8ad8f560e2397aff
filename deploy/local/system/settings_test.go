package system

import (
	"slices"
	"strings"
	"testing"
	"time"

	"slicegate/views"
)

func TestSettingsComeFromTheEnvironmentButForWhatIsOurs(t *testing.T) {
	environment := map[string]string{
		"POOL_SIZE": "3", "TRIAL_DAYS": "7", "SESSION_KEY_FILE": "/key", "BRAND": "", "SLICE_PORTS": "7001-7099", "PRICE": "12.00",
		"DATABASE_URL": "postgres://another-program", "SOCKET_DIR": "/elsewhere", "HOME": "/root",
	}
	got := settingsFrom(func(name string) (string, bool) { value, ok := environment[name]; return value, ok },
		Options{SlicePorts: "6001-6399", ExtraEnv: []string{"MAX_SLICES=5"}})
	want := settings{"POOL_SIZE": "3", "TRIAL_DAYS": "7", "SESSION_KEY_FILE": "/key", "SLICE_PORTS": "6001-6399", "MAX_SLICES": "5", "PRICE": "12.00"}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	lines := settings{"A": "1", "B": "2"}.with(map[string]string{"B": "3"})
	slices.Sort(lines)
	if !slices.Equal(lines, []string{"A=1", "B=3"}) {
		t.Fatalf("got %v", lines)
	}
}

func TestPortIsANumberOfAPort(t *testing.T) {
	for text, want := range map[string]int{"": 8080, "9000": 9000, "0": 0, "65536": 0, "http": 0} {
		t.Setenv("PORT", text)
		got, err := Port()
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
}

func TestAThrowawaySystemShowsItsFiguresOnPortsOfItsOwn(t *testing.T) {
	running := System{settings: settings{}}
	thrown := System{settings: settings{"RUNNER_METRICS": "off"}, options: Options{Throwaway: true}}
	for _, s := range []*System{&running, &thrown} {
		if err := s.freeMetrics(); err != nil {
			t.Fatal(err)
		}
	}
	if got := running.metricsURL(functionsMetrics); got != "http://127.0.0.1:9481" {
		t.Errorf("functions of a system that is run: %q", got)
	}
	if got := running.metricsURL(runnerMetrics); got != "http://127.0.0.1:9482" {
		t.Errorf("the runner of a system that is run: %q", got)
	}
	if got := thrown.metricsURL(functionsMetrics); got == running.metricsURL(functionsMetrics) || got != "http://"+thrown.settings[functionsMetrics] {
		t.Errorf("functions of a system that is tested: %q", got)
	}
	if got := thrown.metricsURL(runnerMetrics); got != "" {
		t.Errorf("it was turned off in the environment, and is %q", got)
	}
}

func TestTheSiteIsToldTheSettings(t *testing.T) {
	s := System{AppURL: "https://app.example.com", SiteURL: "https://example.com", settings: settings{
		"BRAND": "Quillfish", "APP_URL": "https://elsewhere.example.com", "CONTACT_EMAIL": "ahoy@example.com", "TRIAL_DAYS": "23", "PRICE": "87.65",
		"LAUNCH_PRICE": "43.21", "LAUNCH_MONTHS": "5", "STORAGE_PRICE": "6.54", "CURRENCY": "¤", "GRACE": "120h", "RETENTION": "216h", "STRIPE_KEY": "sk_test_1", "MEDIA_QUOTA": "7G", "DATA_RESIDENCY": "Atlantis", "LEGAL_APPROVED": "true",
	}}
	got, err := s.site()
	want := views.Site{
		Brand: "Quillfish", AppURL: "https://app.example.com", SiteURL: "https://example.com", ContactEmail: "ahoy@example.com", TrialDays: 23,
		Price: "87.65", LaunchPrice: "43.21", LaunchMonths: 5, StoragePrice: "6.54", Currency: "¤", Payments: true, Grace: 120 * time.Hour, Retention: 216 * time.Hour, MediaQuota: "7 GB", DataResidency: "Atlantis", LegalApproved: true,
	}
	if err != nil || got != want {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	delete(s.settings, "STRIPE_KEY")
	if got, err := s.site(); err != nil || got.Payments {
		t.Errorf("without a key: %+v, %v", got, err)
	}
	s.options.Stripe = true
	if got, err := s.site(); err != nil || !got.Payments {
		t.Errorf("with a stand-in: %+v, %v", got, err)
	}
	s.settings["TRIAL_DAYS"] = "many"
	if _, err := s.site(); err == nil || !strings.Contains(err.Error(), "TrialDays") {
		t.Errorf("got %v", err)
	}
}
