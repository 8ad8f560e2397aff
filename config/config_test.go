package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slicegate/config"
)

var key = strings.Repeat("ab", 32)

// complete are the settings without which a runner does not start.
func complete(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"DATABASE_URL": "postgres:///a", "SLICES_DATABASE_URL": "postgres:///b", "SLICE_SOCKET_DIR": "/run/s", "SLICE_ROLE_KEY": key,
		"LINK_KEY": key, "MAIL_DIR": "/run/mail",
	} {
		t.Setenv(name, value)
	}
}

func TestDefaultsAreThePlans(t *testing.T) {
	complete(t)
	got, err := config.LoadRunner()
	if err != nil {
		t.Fatal(err)
	}
	if got.PoolSize != 1 || got.MaxSlices != 80 || got.SliceMemory != 512<<20 || got.SliceReservation != 256<<20 || got.SliceCPUs != 0.5 || got.MediaQuota != 2<<30 {
		t.Errorf("got %+v", got)
	}
	if ports := got.SlicePorts.Odd(); ports[0] != 5001 || ports[1] != 5003 || ports[len(ports)-1] != 5399 || len(ports) != 200 {
		t.Errorf("ports %v", ports)
	}
	if os.Getenv("SLICE_ROLE_KEY") != "" {
		t.Error("a secret stays in the environment, where children inherit it")
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for name, test := range map[string][2]string{
		"SERVER":                   {"My Server", "SERVER must be"},
		"FLEET":                    {"a-b", "FLEET must be"},
		"POOL_SIZE":                {"-1", "POOL_SIZE must be 0 or more"},
		"MAX_SLICES":               {"many", "MaxSlices"},
		"SLICE_PORTS":              {"5399-5001", "no range of ports"},
		"SLICE_MEMORY":             {"512 MB", "no size"},
		"SLICE_MEMORY_RESERVATION": {"1G", "must not exceed SLICE_MEMORY"},
		"SLICE_ROLE_KEY":           {"secret", "64 hex digits"},
		"RESCUE_AFTER":             {"1s", "must exceed JOB_TIMEOUT"},
		"ROLLOUT_BATCH":            {"11", "from 1 to 10"},
		"ROLLOUT_LIFE_WITHIN":      {"0s", "at least 1s"},
		"WA_ENGINE":                {"baileys", "WA_ENGINE must be"},
		"DATABASE_URL":             {"", "DATABASE_URL"},
		"MAIL_DIR":                 {"", "needs MAIL_DIR"},
		"MAIL":                     {"resend", "needs RESEND_API_KEY"},
		"MAIL_FROM":                {"nobody", "MAIL_FROM must be"},
		"APP_URL":                  {"https://app.example.com/", "without a slash"},
		"ADMIN_EMAIL":              {"ann@example.com,bob", `"bob" is no address`},
		"RUNNER_METRICS":           {"0.0.0.0:9482", "on loopback"},
		"HEARTBEAT_URL":            {"ping.example.com/" + key, "HEARTBEAT_URL must be"},
		"ALERT_DISK":               {"85", "ALERT_DISK must be above 0 and at most 1"},
		"ASK_WITHIN":               {"20s", "three times ASK_WITHIN"},
	} {
		t.Run(name, func(t *testing.T) {
			complete(t)
			t.Setenv(name, test[0])
			if test[0] == "" {
				_ = os.Unsetenv(name)
			}
			_, err := config.LoadRunner()
			if err == nil || !strings.Contains(err.Error(), test[1]) {
				t.Errorf("got %v, want %q in it", err, test[1])
			}
			if err != nil && strings.Contains(err.Error(), key) {
				t.Error("the complaint tells a secret")
			}
		})
	}
}

func TestEconomicsAreThePlansAndChecked(t *testing.T) {
	for name, value := range map[string]string{"DATABASE_URL": "postgres:///a", "SOCKET_DIR": "/run/f", "SESSION_KEY": key} {
		t.Setenv(name, value)
	}
	got, err := config.LoadFunctions()
	if want := (config.Economics{ServerCost: "40.40", TargetSlices: config.Target{From: 60, To: 80}}); err != nil || got.Economics != want {
		t.Errorf("%+v, %v", got.Economics, err)
	}
	for name, values := range map[string][]string{"SERVER_COST": {"much", "-1.00", "40.4"}, "TARGET_SLICES": {"80-60", "0-5", "70", "a-b"}} {
		for _, value := range values {
			t.Run(name+value, func(t *testing.T) {
				for name, value := range map[string]string{"DATABASE_URL": "postgres:///a", "SOCKET_DIR": "/run/f", "SESSION_KEY": key} {
					t.Setenv(name, value)
				}
				t.Setenv(name, value)
				if _, err := config.LoadFunctions(); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "TargetSlices", "TARGET_SLICES"), name) {
					t.Errorf("%v", err)
				}
			})
		}
	}
}

func TestSecretsFromFiles(t *testing.T) {
	complete(t)
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(strings.Repeat("01", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLICE_ROLE_KEY_FILE", path)
	if _, err := config.LoadRunner(); err == nil || !strings.Contains(err.Error(), "both") {
		t.Errorf("two sources: %v", err)
	}
	complete(t)
	_ = os.Unsetenv("SLICE_ROLE_KEY")
	got, err := config.LoadRunner()
	if err != nil || got.SliceRoleKey[0] != 1 {
		t.Errorf("got %v, %v", got.SliceRoleKey[:1], err)
	}
	t.Setenv("SLICE_ROLE_KEY_FILE", path+"-absent")
	if _, err := config.LoadRunner(); err == nil || !strings.Contains(err.Error(), "SLICE_ROLE_KEY_FILE") {
		t.Errorf("absent file: %v", err)
	}
}

func TestEverySettingIsDescribed(t *testing.T) {
	described := map[string]bool{}
	settings := slices.Concat(config.Settings[config.Functions](), config.Settings[config.Runner](), config.Settings[config.Site]())
	for _, setting := range settings {
		described[setting.Name] = described[setting.Name] || setting.Help != ""
	}
	for _, setting := range settings {
		if !described[setting.Name] {
			t.Errorf("%s is not described", setting.Name)
		}
	}
	if !slices.ContainsFunc(settings, func(s config.Setting) bool { return s.Secret }) {
		t.Error("no secret is marked as one")
	}
}

func TestAComplaintAboutSMTPDoesNotRepeatItsPassword(t *testing.T) {
	complete(t)
	t.Setenv("MAIL", "smtp")
	t.Setenv("SMTP_URL", "http://ann:hunter2@example.com")
	if _, err := config.LoadRunner(); err == nil || !strings.Contains(err.Error(), "needs SMTP_URL") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
