package jobs

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"slicegate/jobs/alerts"
	"slicegate/store"
)

// serverFacts are what a check knows of its server beside the slices.
type serverFacts struct {
	server       string
	sample       *store.ServerTelemetry // the newest; nil: none lately, and nothing can be told
	kills        int64                  // in killedWithin
	pool         store.PoolNowRow
	poolSize     int
	oldestJob    *time.Time // that could be worked and is not
	certificates []certificate
}

// certificate is one that browsers are shown.
type certificate struct {
	path  string
	until time.Time
	err   error // it cannot be read
}

func serverFindings(s serverFacts, t Thresholds, now time.Time) (findings []alerts.Finding) {
	findings = []alerts.Finding{s.disk(t), s.ram(t), s.cpu(t), s.swapIn(t), s.killed(), s.emptyPool(), behind(subjectServer(s.server), s.oldestJob, t, now)}
	for _, one := range s.certificates {
		findings = append(findings, one.ends(t, now))
	}
	return findings
}

func (s serverFacts) found(kind string) alerts.Finding {
	f := alerts.Finding{Key: alerts.Key{Kind: kind, Subject: subjectServer(s.server)}}
	if s.sample == nil {
		f.Is = alerts.Unknown
	}
	return f
}

// bad turns a finding that can be told into a bad one where it is the case. A condition that must last
// begins with the sample that shows it first.
func (s serverFacts) bad(kind string, is func(store.ServerTelemetry) bool, detail string, args ...any) alerts.Finding {
	f := s.found(kind)
	if s.sample != nil && is(*s.sample) {
		f.Is, f.Detail = alerts.Bad, fmt.Sprintf(detail, args...)
	}
	return f
}

func (s serverFacts) disk(t Thresholds) alerts.Finding {
	return s.bad(alertServerDisk, func(row store.ServerTelemetry) bool { return over(row.DiskUsedBytes, row.DiskTotalBytes, t.Disk) },
		"More than %.0f %% of the disk of server %s is used. Slices store no new media where too little is left; `runner slice list` shows what each slice has.", 100*t.Disk, s.server)
}

func (s serverFacts) ram(t Thresholds) alerts.Finding {
	return s.bad(alertServerRAM, func(row store.ServerTelemetry) bool { return over(row.RamUsedBytes, row.RamTotalBytes, t.RAM) },
		"More than %.0f %% of the RAM of server %s is used. `runner reclaim status` shows what is pushed to swap, `runner answers` how many slices are safe here.", 100*t.RAM, s.server)
}

func (s serverFacts) cpu(t Thresholds) alerts.Finding {
	return s.bad(alertServerCPU, func(row store.ServerTelemetry) bool {
		return row.CpuPercent != nil && float64(*row.CpuPercent) > 100*t.CPU
	},
		"Server %s has used more than %.0f %% of its CPU for %s.", s.server, 100*t.CPU, t.CPUFor)
}

func (s serverFacts) swapIn(t Thresholds) alerts.Finding {
	return s.bad(alertServerSwapIn, func(row store.ServerTelemetry) bool {
		return row.SwapInRate != nil && float64(*row.SwapInRate) > t.SwapIn
	},
		"Server %s has read more than %.0f pages a second back from swap for %s: there are more slices awake than its RAM holds. Move some, or stop new ones with MAX_SLICES.", s.server, t.SwapIn, t.SwapInFor)
}

func (s serverFacts) killed() alerts.Finding {
	f := s.found(alertServerOOM)
	if s.kills > 0 {
		f.Is = alerts.Bad
		f.Detail = fmt.Sprintf("The kernel of server %s ended processes for want of memory. The alerts slice.oom name the slices; without one it was the server itself, which holds too much.", s.server)
	}
	return f
}

func (s serverFacts) emptyPool() alerts.Finding {
	f := alerts.Finding{Key: alerts.Key{Kind: alertPoolEmpty, Subject: subjectServer(s.server)}}
	if s.poolSize > 0 && s.pool.Available == 0 {
		f.Is = alerts.Bad
		f.Detail = fmt.Sprintf("Server %s has no slice ready: whoever signs up waits. The alerts pool.failing and server.full say why, if there are any; `runner slice list` shows what is being made.", s.server)
	}
	return f
}

// behind is a queue in which a job waits that could be worked.
func behind(subject string, oldest *time.Time, t Thresholds, now time.Time) alerts.Finding {
	f := alerts.Finding{Key: alerts.Key{Kind: alertJobsBehind, Subject: subject}}
	if oldest != nil && now.Sub(*oldest) >= t.JobsBehind {
		f.Is, f.Since = alerts.Bad, *oldest
		f.Detail = fmt.Sprintf("Jobs of %s have been waiting for more than %s: the runner does not get through them, or not at all.", subject, t.JobsBehind)
	}
	return f
}

func (c certificate) ends(t Thresholds, now time.Time) alerts.Finding {
	f := alerts.Finding{Key: alerts.Key{Kind: alertCertificate, Subject: "certificate:" + filepath.Base(filepath.Dir(c.path)) + "/" + filepath.Base(c.path)}}
	switch {
	case c.err != nil:
		f.Is, f.Cause, f.Detail = alerts.Bad, "unreadable", fmt.Sprintf("The certificate %s cannot be read: %v.", c.path, c.err)
	case now.After(c.until):
		f.Is, f.Cause, f.Detail = alerts.Bad, "ended", fmt.Sprintf("The certificate %s ended on %s: browsers refuse the site.", c.path, c.until.UTC().Format(time.DateOnly))
	case c.until.Sub(now) < t.Certificate:
		f.Is, f.Cause, f.Detail = alerts.Bad, "ends", fmt.Sprintf("The certificate %s ends on %s, and has not been renewed.", c.path, c.until.UTC().Format(time.DateOnly))
	}
	return f
}

// readCertificate reads the first certificate of a PEM file, which is the server's own.
func readCertificate(path string) certificate {
	content, err := os.ReadFile(path)
	if err != nil {
		return certificate{path: path, err: err}
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != "CERTIFICATE" {
		return certificate{path: path, err: fmt.Errorf("it does not begin with a certificate in PEM")}
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return certificate{path: path, err: err}
	}
	return certificate{path: path, until: parsed.NotAfter}
}
