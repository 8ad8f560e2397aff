// Package nginx writes the configuration of the web server in front of everything: the
// static site and app, the functions on their Unix sockets, and the slices, which nginx
// streams to by itself after one question to the proxy function.
package nginx

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

//go:embed nginx.conf.tmpl *.conf
var files embed.FS

var page = template.Must(template.New("nginx.conf.tmpl").
	Funcs(template.FuncMap{"join": func(names []string) string { return strings.Join(names, " ") }}).
	ParseFS(files, "nginx.conf.tmpl"))

// Config is what one nginx serves.
type Config struct {
	Listen              string // "127.0.0.1:8080", or a port alone for all addresses
	SiteNames, AppNames []string
	SocketDir           string // admin.sock, auth.sock, billing.sock and proxy.sock; nginx keeps answers of the last there, so it must be writable and had better be tmpfs
	SiteRoot, AppRoot   string
	MailRoot            string        // for development: the folder of mails that go nowhere, shown at /mail/ of the site; empty: none
	ExportsRoot         string        // DATA_ROOT/exports, which the workers can read (WEB_GROUP); empty: no exports are served
	StateDir            string        // pid, access log, temporary files; must exist and be writable for nginx
	MimeTypes           string        // Debian's file if empty
	FirstPort, LastPort int           // of slices; the odd ones are declared as upstreams
	SliceTimeout        time.Duration // how long a slice may send or take nothing; zero is 75 s, above the pings of its Socket.IO
	User                string        // of the workers; empty where nginx is not started by root
	TrustedProxies      []string      // addresses or networks whose X-Forwarded-For says who the client is; none: whoever connects
}

// limit is how often one client may send something to the auth function, all in one zone.
type limit struct {
	Name, Path string
	PerMinute  int
	Says       string // who sends more often reads this
}

// Burst lets all of a minute come at once, as a person's tries do.
func (l limit) Burst() int { return l.PerMinute - 1 }

// RetryAfter is the seconds until the next may come.
func (l limit) RetryAfter() int { return (60 + l.PerMinute - 1) / l.PerMinute }

var limits = []limit{
	{"login", "/auth/login", 5, "Too many attempts to log in. Wait a minute, then try again."},
	{"register", "/auth/register", 20, "Too many new accounts at once. Wait a minute, then try again."},
	{"forgot", "/auth/forgot-password", 5, "Too many requests for a new password. Wait a minute, then try again."},
	{"reset", "/auth/reset-password", 10, "Too many attempts to set a password. Wait a minute, then try again."},
	{"verify", "/auth/verify-email/send", 5, "Too many mails were asked for. Wait a minute, then try again."},
}

// hiddenHeaders are those by which an answer could act on the app's origin or on the browser:
// log in, redirect, prompt, weaken a policy, report elsewhere, or be run as a worker.
// nginx has no list of allowed headers, so each is named.
var hiddenHeaders = []string{
	"Set-Cookie", "Set-Cookie2", "Set-Login", "Location", "Refresh", "Link", "WWW-Authenticate", "Proxy-Authenticate",
	"Authentication-Info", "Clear-Site-Data", "Service-Worker-Allowed", "Speculation-Rules", "Alt-Svc",
	"Strict-Transport-Security", "Public-Key-Pins", "Content-Security-Policy", "Content-Security-Policy-Report-Only",
	"X-Frame-Options", "X-Content-Type-Options", "Content-Disposition", "Referrer-Policy", "Permissions-Policy",
	"Document-Policy", "Origin-Agent-Cluster", "Cross-Origin-Opener-Policy", "Cross-Origin-Embedder-Policy",
	"Cross-Origin-Resource-Policy", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
	"Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Expose-Headers",
	"Timing-Allow-Origin", "NEL", "Report-To", "Reporting-Endpoints", "SourceMap", "X-SourceMap", "Accept-CH",
	"Critical-CH", "X-Slice-Port", "X-Denied",
}

// Write makes path, and the files that it includes in StateDir. Bad values are an error
// of nginx itself (`nginx -t`), not of Write.
func (c Config) Write(path string) error {
	if c.SliceTimeout == 0 {
		c.SliceTimeout = 75 * time.Second
	}
	if c.MimeTypes == "" {
		c.MimeTypes = "/etc/nginx/mime.types"
	}
	var out bytes.Buffer
	if err := page.Execute(&out, struct {
		Config
		SlicePorts    []int
		HiddenHeaders []string
		Limits        []limit
	}{c, c.odd(), hiddenHeaders, limits}); err != nil {
		return fmt.Errorf("nginx configuration: %w", err)
	}
	for _, name := range []string{"functions.conf", "app_headers.conf", "site_headers.conf"} {
		content, err := files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("nginx configuration: %w", err)
		}
		if err := os.WriteFile(filepath.Join(c.StateDir, name), content, 0o644); err != nil {
			return fmt.Errorf("nginx configuration: %w", err)
		}
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("nginx configuration: %w", err)
	}
	return nil
}

func (c Config) odd() []int {
	var ports []int
	for port := c.FirstPort | 1; port <= c.LastPort; port += 2 {
		ports = append(ports, port)
	}
	return ports
}
