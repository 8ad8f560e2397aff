package jobs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slicegate/jobs/alerts"
	"slicegate/store"
)

func TestWhatIsWrongWithAServer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		change       func(*serverFacts)
		bad, unknown string
	}{
		{"nothing", func(*serverFacts) {}, "", ""},
		{"just so much disk", func(s *serverFacts) { s.sample.DiskUsedBytes = 85 }, "", ""},
		{"too much disk", func(s *serverFacts) { s.sample.DiskUsedBytes = 86 }, "server.disk", ""},
		{"too much RAM", func(s *serverFacts) { s.sample.RamUsedBytes = 91 }, "server.ram", ""},
		{"too much CPU", func(s *serverFacts) { s.sample.CpuPercent = pointer(float32(91)) }, "server.cpu", ""},
		{"thrashing", func(s *serverFacts) { s.sample.SwapInRate = pointer(int64(1001)) }, "server.swap_in", ""},
		{"rates are not known yet", func(s *serverFacts) { s.sample.SwapInRate, s.sample.CpuPercent = nil, nil }, "", ""},
		{"a kill", func(s *serverFacts) { s.kills = 1 }, "server.oom", ""},
		{"no sample", func(s *serverFacts) { s.sample = nil }, "", "server.disk server.ram server.cpu server.swap_in server.oom"},
		{"an empty pool", func(s *serverFacts) { s.pool.Available = 0 }, "pool.empty", ""},
		{"a pool that should be empty", func(s *serverFacts) { s.pool.Available, s.poolSize = 0, 0 }, "", ""},
		{"a job that waits", func(s *serverFacts) { s.oldestJob = pointer(noon.Add(-4 * time.Minute)) }, "", ""},
		{"a job that waits for long", func(s *serverFacts) { s.oldestJob = pointer(noon.Add(-5 * time.Minute)) }, "jobs.behind", ""},
	} {
		facts := serverFacts{
			server: "a", poolSize: 1, pool: store.PoolNowRow{Available: 1},
			sample: &store.ServerTelemetry{
				RamUsedBytes: 50, RamTotalBytes: 100, DiskUsedBytes: 50, DiskTotalBytes: 100, CpuPercent: pointer(float32(50)), SwapInRate: pointer(int64(100)),
			},
		}
		test.change(&facts)
		var bad, unknown []string
		for _, finding := range serverFindings(facts, thresholds, noon) {
			switch finding.Is {
			case alerts.Bad:
				bad = append(bad, finding.Kind)
			case alerts.Unknown:
				unknown = append(unknown, finding.Kind)
			}
			if finding.Subject != "server:a" || (finding.Is == alerts.Bad) != (finding.Detail != "") {
				t.Errorf("%s: %+v", test.name, finding)
			}
		}
		if strings.Join(bad, " ") != test.bad || strings.Join(unknown, " ") != test.unknown {
			t.Errorf("%s: bad %v, unknown %v", test.name, bad, unknown)
		}
	}
}

// certify writes a certificate that ends then.
func certify(t *testing.T, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.AddDate(0, -3, 0), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "fullchain.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestACertificateThatEnds(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "fullchain.pem")
	if err := os.WriteFile(broken, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, path, cause string
	}{
		{"in a month", certify(t, noon.AddDate(0, 1, 0)), ""},
		{"in ten days", certify(t, noon.AddDate(0, 0, 10)), "ends"},
		{"yesterday", certify(t, noon.AddDate(0, 0, -1)), "ended"},
		{"a file that is none", broken, "unreadable"},
		{"no file", filepath.Join(t.TempDir(), "none", "cert.pem"), "unreadable"},
	} {
		finding := readCertificate(test.path).ends(thresholds, noon)
		if finding.Cause != test.cause || (finding.Is == alerts.Bad) != (test.cause != "") {
			t.Errorf("%s: %+v", test.name, finding)
		}
	}
}
