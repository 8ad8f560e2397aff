package system

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"slicegate/config"
	"slicegate/deploy/local/account"
	"slicegate/deploy/local/image"
	"slicegate/deploy/local/node"
	"slicegate/deploy/local/packages"
	"slicegate/deploy/local/process"
	"slicegate/migrations"
	"slicegate/nginx"
	"slicegate/views"
)

// buildPages builds the app, unless it is the one that was built last, and writes the site.
func (s *System) buildPages(ctx context.Context, line func(string)) error {
	invoker, err := account.Invoker()
	if err != nil {
		return err
	}
	source := filepath.Join(s.options.Root, "web")
	hash, err := image.Hash(source)
	if err != nil {
		return err
	}
	site, err := s.site()
	if err != nil {
		return err
	}
	hash += " " + site.Brand + " " + site.ContactEmail
	// What it was built from is named beside the folder, not in it: nginx serves all that is in.
	stamp := s.state.Path("app.hash")
	if have, err := os.ReadFile(stamp); err != nil || string(have) != hash {
		if err := (node.Project{Dir: source, Invoker: invoker, Line: line}).Build(ctx, s.state.Path("app"), "VITE_BRAND="+site.Brand, "VITE_CONTACT_EMAIL="+site.ContactEmail); err != nil {
			return err
		}
		if err := os.WriteFile(stamp, []byte(hash), 0o644); err != nil {
			return err
		}
	}
	return views.WriteSite(ctx, s.state.Path("site"), site)
}

// site is what the marketing site says of this system.
func (s *System) site() (views.Site, error) {
	site, err := config.LoadSite(s.settings.with(map[string]string{"APP_URL": s.AppURL, "SITE_URL": s.SiteURL}))
	if err != nil {
		return views.Site{}, fmt.Errorf("the marketing site's settings: %w", err)
	}
	billing, err := config.LoadBilling(s.settings.with(nil))
	if err != nil {
		return views.Site{}, fmt.Errorf("the settings of billing: %w", err)
	}
	return views.Site{
		Brand: site.Brand, AppURL: site.AppURL, SiteURL: site.SiteURL, ContactEmail: site.Contact,
		TrialDays: site.TrialDays, Price: site.Price, LaunchPrice: site.LaunchPrice, LaunchMonths: site.LaunchMonths, StoragePrice: site.StoragePrice, Currency: site.Currency,
		Payments: billing.On() || s.options.Stripe, Grace: site.Grace, Retention: site.Retention,
		MediaQuota: site.MediaQuota.Words(), DataResidency: site.DataResidency, LegalApproved: site.LegalApproved,
	}, nil
}

func (s *System) startFunctions(ctx context.Context, _ func(string)) error {
	who, err := service()
	if err != nil {
		return err
	}
	if err := who.MakeDir(s.functionSockets(), 0o755); err != nil {
		return err
	}
	_, password, err := s.passwords()
	if err != nil {
		return err
	}
	environment := map[string]string{
		"DATABASE_URL": s.database.URL(migrations.RoleFunctions, password, migrations.DatabaseGateway),
		"SOCKET_DIR":   s.functionSockets(),
		"APP_URL":      s.AppURL,
	}
	if err := s.key(environment, "SESSION_KEY", "session-key"); err != nil {
		return err
	}
	if err := s.key(environment, "ADMIN_KEY", "admin-key"); err != nil {
		return err
	}
	child, err := s.start(process.Spec{Name: "functions", Path: s.binary("functions"), Env: s.settings.with(environment), Account: &who, Grace: 30 * time.Second})
	if err != nil {
		return err
	}
	return until(ctx, child, "functions", func(ctx context.Context) error {
		for _, name := range []string{"admin", "auth", "billing", "proxy"} {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(s.functionSockets(), name+".sock"))
			if err != nil {
				return err
			}
			conn.Close()
		}
		return nil
	})
}

// Where the binaries show their figures, by the settings of that name.
const (
	functionsMetrics = "FUNCTIONS_METRICS"
	runnerMetrics    = "RUNNER_METRICS"
)

// freeMetrics gives a throwaway system ports of its own for its figures: another one may run beside it.
// What the environment says stands.
func (s *System) freeMetrics() error {
	if !s.options.Throwaway {
		return nil
	}
	for _, name := range []string{functionsMetrics, runnerMetrics} {
		if s.settings[name] != "" {
			continue
		}
		port, err := FreePort()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.settings[name] = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return nil
}

// metricsURL is where a binary's figures are read; empty: it shows none.
func (s *System) metricsURL(name string) string {
	for _, declared := range append(config.Settings[config.Functions](), config.Settings[config.Runner]()...) {
		if address := s.settings.or(name, declared.Default); declared.Name == name && address != "off" {
			return "http://" + address
		}
	}
	return ""
}

func (s *System) startRunner(context.Context, func(string)) error {
	environment, err := s.runnerEnvironment()
	if err != nil {
		return err
	}
	_, err = s.start(process.Spec{Name: "runner", Path: s.binary("runner"), Args: []string{"work"}, Env: environment, Grace: 60 * time.Second})
	return err
}

func (s *System) runnerEnvironment() ([]string, error) {
	password, _, err := s.passwords()
	if err != nil {
		return nil, err
	}
	environment := map[string]string{
		"DATABASE_URL":        s.database.URL(migrations.RoleRunner, password, migrations.DatabaseGateway),
		"SLICES_DATABASE_URL": s.database.URL(migrations.RoleRunner, password, migrations.DatabaseSlices),
		"SLICE_SOCKET_DIR":    s.database.SliceSockets,
		"DATA_ROOT":           s.dataRoot(),
		"FLEET":               s.fleetName(),
		"APP_URL":             s.AppURL,
	}
	if s.settings["MAIL_DIR"] == "" {
		environment["MAIL_DIR"] = s.mails()
	}
	if s.settings["ADMIN_EMAIL"] == "" {
		environment["ADMIN_EMAIL"] = "admin@localhost"
	}
	if s.settings["WEB_GROUP"] == "" {
		who, err := service() // as whom nginx runs
		if err != nil {
			return nil, err
		}
		environment["WEB_GROUP"] = fmt.Sprint(who.GID)
	}
	if s.Engine != nil {
		host, err := s.engineForRunner()
		if err != nil {
			return nil, err
		}
		environment["DOCKER_HOST"] = host
	}
	if s.settings["WA_STAND_IN"] == "" {
		// Whoever wants the real WhatsApp here says so; a server's default is the other way round.
		environment["WA_STAND_IN"] = "true"
	}
	if s.image != "" {
		environment["SLICE_IMAGE"] = s.image
	}
	for name, file := range map[string]string{"SLICE_ROLE_KEY": "slice-role-key", "LINK_KEY": "link-key"} {
		if err := s.key(environment, name, file); err != nil {
			return nil, err
		}
	}
	return s.settings.with(environment), nil
}

func (s *System) startNginx(ctx context.Context, _ func(string)) error {
	who, err := service()
	if err != nil {
		return err
	}
	dir := s.state.Path("nginx")
	if err := who.MakeDir(dir, 0o755); err != nil {
		return err
	}
	var ports config.Ports
	if err := ports.UnmarshalText([]byte(s.settings.or("SLICE_PORTS", "5001-5399"))); err != nil {
		return fmt.Errorf("SLICE_PORTS: %w", err)
	}
	path := s.state.Path("nginx.conf")
	if err := (nginx.Config{
		Listen: s.address(), SiteNames: []string{"localhost", "127.0.0.1"}, AppNames: []string{"app.localhost"},
		SocketDir: s.functionSockets(), SiteRoot: s.state.Path("site"), AppRoot: s.state.Path("app"), StateDir: dir,
		FirstPort: ports.First, LastPort: ports.Last, MailRoot: s.mails(), ExportsRoot: filepath.Join(s.dataRoot(), "exports"),
	}).Write(path); err != nil {
		return err
	}
	child, err := s.start(process.Spec{
		Name: "nginx", Path: packages.Nginx.Path(), Args: []string{"-e", "stderr", "-p", dir, "-c", path},
		Account: &who, BindLow: s.options.Port < 1024,
	})
	if err != nil {
		return err
	}
	return until(ctx, child, "nginx", func(ctx context.Context) error {
		return s.answers(ctx, "app.localhost", "/auth/me", http.StatusUnauthorized)
	})
}

// answers asks through nginx, the functions and the database behind them.
func (s *System) answers(ctx context.Context, host, path string, want int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address()+path, nil)
	if err != nil {
		return err
	}
	request.Host = net.JoinHostPort(host, strconv.Itoa(s.options.Port))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != want {
		return fmt.Errorf("http://%s%s answered %s", request.Host, path, response.Status)
	}
	return nil
}

// start starts one of the services in front of the database.
func (s *System) start(spec process.Spec) (*process.Child, error) {
	lines, err := s.lines(spec.Name)
	if err != nil {
		return nil, err
	}
	spec.Line, spec.Dir = lines, "/"
	if spec.Account != nil {
		spec.ReadSearch = !spec.Account.Reaches(s.state.Path("any"))
	}
	return s.front.Start(spec)
}

// publish tells `local env` how to reach the system.
func (s *System) publish() error {
	password, _, err := s.passwords()
	if err != nil {
		return err
	}
	s.addresses = map[string]string{
		"DATABASE_URL":        s.database.URL(migrations.RoleRunner, password, migrations.DatabaseGateway),
		"SLICES_DATABASE_URL": s.database.URL(migrations.RoleRunner, password, migrations.DatabaseSlices),
		"DOCKER_HOST":         s.Engine.Host,
		"SITE_URL":            s.SiteURL,
		"APP_URL":             s.AppURL,
		"FLEET":               s.fleetName(),
		"SLICE_IMAGE":         s.image,
		"SLICE_PORTS":         s.settings.or("SLICE_PORTS", "5001-5399"),
		"DATA_ROOT":           s.dataRoot(),
		"SOCKET_DIR":          s.functionSockets(),
		"SLICE_SOCKET_DIR":    s.database.SliceSockets,
		"SLICE_ROLE_KEY_FILE": s.state.Path("secrets", "slice-role-key"),
		"NGINX_CONF":          s.state.Path("nginx.conf"),
		"LINK_KEY_FILE":       s.state.Path("secrets", "link-key"),
		"MAIL_DIR":            s.mails(),

		"METRICS_FUNCTIONS_URL": s.metricsURL(functionsMetrics),
		"METRICS_RUNNER_URL":    s.metricsURL(runnerMetrics),
	}
	invoker, err := account.Invoker()
	if err != nil {
		return err
	}
	return s.state.Publish(s.addresses, invoker)
}

func (s *System) functionSockets() string { return filepath.Join(s.state.RunDir, "functions") }
func (s *System) mails() string           { return s.settings.or("MAIL_DIR", s.state.Path("mail")) }
func (s *System) dataRoot() string        { return s.settings.or("DATA_ROOT", s.state.Path("data")) }
