// Package config declares every setting of the system once: its name in the environment,
// its default, its check and what it is for. `go generate` writes the table in the README
// from here. Settings are read at start and handed down; nothing reads the environment later.
package config

//go:generate go run ./table ../README.md

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Functions are the settings of the `functions` binary.
type Functions struct {
	DatabaseURL   string        `env:"DATABASE_URL,required,unset" secret:"true" help:"Postgres, database slicegate: functions log in as slicegate_functions, the runner as slicegate"`
	SocketDir     string        `env:"SOCKET_DIR,required" help:"where each function makes its Unix socket (admin.sock, auth.sock, billing.sock, proxy.sock)"`
	SessionKey    Key           `env:"SESSION_KEY,required,unset" secret:"true" help:"64 hex digits that sign the session cookie; a new one logs everybody out"`
	AdminKey      Key           `env:"ADMIN_KEY,unset" secret:"true" help:"64 hex digits that seal the admins' second factors; the function admin is not served without it, and a new one has them set up anew"`
	SessionLife   time.Duration `env:"SESSION_LIFE" envDefault:"720h" help:"how long a session lives after its last use"`
	TrialDays     int           `env:"TRIAL_DAYS" envDefault:"14" help:"days of trial of a new account, without a card; 0 with Stripe: a card comes first"`
	Brand         string        `env:"BRAND" envDefault:"Slicegate" help:"the name that customers see"`
	HashesAtOnce  int           `env:"HASHES_AT_ONCE" envDefault:"0" help:"password hashes computed at the same time; 0 is one per core"`
	EventsLinger  time.Duration `env:"EVENTS_LINGER" envDefault:"90s" help:"how long the connection to a slice's events outlives its last listener"`
	FunctionsPool int           `env:"FUNCTIONS_CONNECTIONS" envDefault:"10" help:"Postgres connections of the functions binary"`
	Billing       Billing
	Economics     Economics
	AppURL        string `env:"APP_URL" envDefault:"http://app.localhost:8080" help:"the app's address, without a slash at the end: where links in mails, and Stripe, lead"`
	MediaQuota    Bytes  `env:"MEDIA_QUOTA" envDefault:"2G"`
	Server        string `env:"SERVER" envDefault:"local"`
	Lines         Lines
	Metrics       string `env:"FUNCTIONS_METRICS" envDefault:"127.0.0.1:9481" help:"where functions serve /metrics, /healthz and /readyz: an address on loopback, or off"`
	LogLevel      string `env:"LOG_LEVEL" envDefault:"info" help:"debug, info, warn or error"`
}

// Runner are the settings of the `runner` binary.
type Runner struct {
	DatabaseURL       string        `env:"DATABASE_URL,required,unset" secret:"true"`
	SlicesDatabaseURL string        `env:"SLICES_DATABASE_URL,required,unset" secret:"true" help:"Postgres, database slices, as slicegate: the runner makes each slice's schema and role there"`
	SliceSocketDir    string        `env:"SLICE_SOCKET_DIR,required" help:"the directory of Postgres's Unix socket that is mounted into every slice"`
	SliceRoleKey      Key           `env:"SLICE_ROLE_KEY,required,unset" secret:"true" help:"64 hex digits that the slices' database passwords are derived from"`
	Server            string        `env:"SERVER" envDefault:"local" help:"the name of this server: small letters, digits, dashes"`
	DataRoot          string        `env:"DATA_ROOT" envDefault:"/data" help:"slices/N/media, slices/N/session and exports/N.zip are made below it"`
	WebGroup          string        `env:"WEB_GROUP" help:"the group, or its number, of the web server's workers (www-data on Debian), which may read the exports below DATA_ROOT; without one only root may"`
	DockerHost        string        `env:"DOCKER_HOST" envDefault:"unix:///var/run/docker.sock" help:"the Docker engine"`
	SliceImage        string        `env:"SLICE_IMAGE" envDefault:"whatsapp-slice:latest" help:"the image of new slices"`
	Fleet             string        `env:"FLEET" envDefault:"slice" help:"the prefix of container names (slice-N), of their network (slice-net) and their cgroup (slices)"`
	PoolSize          int           `env:"POOL_SIZE" envDefault:"1" help:"slices that are kept ready for the next sign-ups"`
	MaxSlices         int           `env:"MAX_SLICES" envDefault:"80" help:"slices on this server at most"`
	SlicePorts        Ports         `env:"SLICE_PORTS" envDefault:"5001-5399" help:"slices are published on the odd ports of this range on 127.0.0.1; busy ones are passed over"`
	SliceMemory       Bytes         `env:"SLICE_MEMORY" envDefault:"512M" help:"memory limit of a slice"`
	SliceReservation  Bytes         `env:"SLICE_MEMORY_RESERVATION" envDefault:"256M" help:"memory reservation of a slice"`
	SliceSwap         Bytes         `env:"SLICE_SWAP" envDefault:"512M" help:"swap limit of a slice, beside its memory"`
	SliceCPUs         float64       `env:"SLICE_CPUS" envDefault:"0.5" help:"CPU limit of a slice, in cores"`
	SliceCPUShare     float64       `env:"SLICE_CPU_RESERVATION" envDefault:"0.25" help:"a slice's part of a busy CPU, in cores, as shares"`
	SlicePids         int64         `env:"SLICE_PIDS" envDefault:"256" help:"processes and threads of a slice at most"`
	MediaQuota        Bytes         `env:"MEDIA_QUOTA" envDefault:"2G" help:"media that a slice may store"`
	WAEngine          string        `env:"WA_ENGINE" envDefault:"simulated" help:"the slices' WhatsApp: webjs (the real one, in Chromium; SLICE_IMAGE must have it) or simulated (a pretended phone, for development)"`
	WAStandIn         bool          `env:"WA_STAND_IN" envDefault:"false" help:"with WA_ENGINE=webjs: a page in the image plays the part of WhatsApp Web, for development where WhatsApp cannot be reached"`
	ChromiumProfile   string        `env:"CHROMIUM_PROFILE" envDefault:"auto" help:"sandboxed (Chromium's own sandbox is on), lean (one process without it, less memory), or auto: sandboxed where this machine allows it"`
	ChromiumFlags     string        `env:"CHROMIUM_FLAGS" help:"Chromium's whole command line in place of the profile's, separated by spaces"`
	Firewall          string        `env:"FIREWALL" envDefault:"on" help:"the firewall around the slices' network: on, or off for development where the machine allows no rules"`
	SliceDNS          []netip.Addr  `env:"SLICE_DNS" help:"IPv4 resolvers that slices may ask, separated by commas; without it the machine's own that are not on loopback"`
	SliceEgress       []uint16      `env:"SLICE_EGRESS_PORTS" envDefault:"443" help:"TCP ports of public addresses that slices may reach, separated by commas; nothing private is ever reached"`
	SliceEnv          []string      `env:"SLICE_ENV" envSeparator:" " help:"more KEY=value settings for every slice, separated by spaces"`
	RestartPause      time.Duration `env:"RESTART_PAUSE" envDefault:"10s" help:"how long after a crash a slice is started again; doubles with each further one, up to 5m"`
	RolloutBatch      int           `env:"ROLLOUT_BATCH" envDefault:"5" help:"slices that a rollout updates at the same time, after the first: 1 to 10"`
	RolloutPatience   time.Duration `env:"ROLLOUT_PATIENCE" envDefault:"1h" help:"how long a rollout waits at most until a slice is no longer in use"`
	RolloutAnswer     time.Duration `env:"ROLLOUT_ANSWER_WITHIN" envDefault:"3m" help:"a slice whose backend does not answer on the new image by then has failed"`
	RolloutReady      time.Duration `env:"ROLLOUT_READY_WITHIN" envDefault:"3m" help:"from there, one whose WhatsApp was ready before and is not again has failed"`
	RolloutLife       time.Duration `env:"ROLLOUT_LIFE_WITHIN" envDefault:"2m" help:"from there, one whose WhatsApp says nothing has failed, unless it was as silent before"`
	FillEvery         time.Duration `env:"FILL_EVERY" envDefault:"30s" help:"how often the pool is looked at, beside what asks for it"`
	ReconcileEvery    time.Duration `env:"RECONCILE_EVERY" envDefault:"15s" help:"how often containers are held against rows"`
	JobTimeout        time.Duration `env:"JOB_TIMEOUT" envDefault:"25s" help:"how long one run of a job may take"`
	RescueAfter       time.Duration `env:"RESCUE_AFTER" envDefault:"28s" help:"a job still running after this lost its runner and is run again, within 30s more; must exceed JOB_TIMEOUT"`
	PoolMaxAge        time.Duration `env:"POOL_MAX_AGE" envDefault:"24h" help:"a slice of the pool that nobody has taken for so long is replaced"`
	PoolRetry         time.Duration `env:"POOL_RETRY" envDefault:"30s" help:"how long after a slice could not be made the next is tried; doubles with each further one, up to 1h"`
	MinFreeMemory     Bytes         `env:"MIN_FREE_MEMORY" envDefault:"1G" help:"memory that new slices, each reckoned with SLICE_MEMORY_RESERVATION, leave available on the server"`
	StartConcurrency  int           `env:"START_CONCURRENCY" envDefault:"8" help:"slices that start at a time; those that somebody waits for go first"`
	SampleEvery       time.Duration `env:"SAMPLE_EVERY" envDefault:"1m" help:"how often the figures of every slice and of the server are written down"`
	Reclaim           string        `env:"RECLAIM" envDefault:"on" help:"pushing the memory of idle slices to swap: on, or off"`
	ReclaimEvery      time.Duration `env:"RECLAIM_EVERY" envDefault:"5s" help:"how often each slice is looked at for that"`
	ReclaimAfter      time.Duration `env:"RECLAIM_AFTER" envDefault:"2m" help:"a slice that its user has not used for so long is idle; an open page uses it twice a minute"`
	ReclaimRefaults   int64         `env:"RECLAIM_REFAULTS" envDefault:"128" help:"pages a minute that an idle slice may read back from swap; where it reads more, its working set begins and it is left alone"`
	ReclaimUpstream   Bytes         `env:"RECLAIM_UPSTREAM" envDefault:"16K" help:"bytes a minute to and from WhatsApp, above which a slice is pushed out in small steps only"`
	ReclaimRate       Bytes         `env:"RECLAIM_RATE" envDefault:"40M" help:"bytes a second that are pushed out at most, all slices of the server together"`
	ReclaimSwapUse    float64       `env:"RECLAIM_SWAP_USE" envDefault:"0.8" help:"part of the server's swap that may be used before nothing more is pushed out"`
	ReclaimSwapIn     float64       `env:"RECLAIM_SWAP_IN" envDefault:"1000" help:"pages a second that the server reads back, above which nothing more is pushed out"`
	ProbePins         string        `env:"PROBE_PINS" envDefault:"/sys/fs/bpf" help:"the bpffs in which the counters of the slices' packets outlive the runner"`
	CheckEvery        time.Duration `env:"CHECK_EVERY" envDefault:"30s" help:"how often it is looked at what runs and what is wrong"`
	MeasureEvery      time.Duration `env:"MEASURE_EVERY" envDefault:"5m" help:"how often it is read what slices have on disk"`
	AskWithin         time.Duration `env:"ASK_WITHIN" envDefault:"5s" help:"a slice's backend that takes longer does not answer"`
	Alerts            Alerts
	Mail              Mail
	Billing           Billing
	HeartbeatURL      string `env:"HEARTBEAT_URL,unset" secret:"true" help:"fetched every minute while this runner's checks are made: an outside service that misses it tells you that the server is gone"`
	Metrics           string `env:"RUNNER_METRICS" envDefault:"127.0.0.1:9482" help:"where the runner serves /metrics, /healthz and /readyz: an address on loopback, or off"`
	LogLevel          string `env:"LOG_LEVEL" envDefault:"info"`
}

// Alerts are the thresholds of what a person is told, and when.
type Alerts struct {
	WhatsApp     time.Duration `env:"ALERT_WHATSAPP_FOR" envDefault:"2m" help:"a WhatsApp that is disconnected for so long is an alert, and its user gets a mail"`
	Container    time.Duration `env:"ALERT_CONTAINER_FOR" envDefault:"0s" help:"a container that should run and does not for so long is an alert"`
	Backend      time.Duration `env:"ALERT_BACKEND_FOR" envDefault:"0s" help:"a slice's backend that does not answer for so long is an alert"`
	Page         time.Duration `env:"ALERT_PAGE_FOR" envDefault:"1m" help:"a slice that says ready, and whose page does not answer for so long, is an alert"`
	Mute         time.Duration `env:"ALERT_MUTE_FOR" envDefault:"15m" help:"a slice that says ready, and to and from whose WhatsApp nothing passes for so long, is an alert"`
	Memory       float64       `env:"ALERT_MEMORY" envDefault:"0.9" help:"part of its memory limit above which a slice is an alert"`
	Storage      float64       `env:"ALERT_STORAGE" envDefault:"0.9" help:"part of its disk quota above which a slice is an alert, and its user is told"`
	Disk         float64       `env:"ALERT_DISK" envDefault:"0.85" help:"part of the server's disk above which it is an alert"`
	RAM          float64       `env:"ALERT_RAM" envDefault:"0.9" help:"part of the server's RAM above which it is an alert"`
	CPU          float64       `env:"ALERT_CPU" envDefault:"0.9" help:"part of the server's CPU above which it is an alert"`
	CPUFor       time.Duration `env:"ALERT_CPU_FOR" envDefault:"5m" help:"once that has lasted for so long"`
	SwapIn       float64       `env:"ALERT_SWAP_IN" envDefault:"1000" help:"pages a second that the server reads back from swap, above which it is an alert"`
	SwapInFor    time.Duration `env:"ALERT_SWAP_IN_FOR" envDefault:"5m" help:"once that has lasted for so long"`
	JobsBehind   time.Duration `env:"ALERT_JOBS_BEHIND" envDefault:"5m" help:"a job that could have been worked for so long and was not is an alert"`
	PoolEmpty    time.Duration `env:"ALERT_POOL_EMPTY_FOR" envDefault:"10m" help:"a pool that should have slices and has none for so long is an alert"`
	Certificates []string      `env:"ALERT_CERTIFICATES" help:"PEM files of the certificates that browsers are shown, separated by commas"`
	Certificate  time.Duration `env:"ALERT_CERTIFICATE_LEFT" envDefault:"336h" help:"a certificate that ends sooner than this is an alert"`
	Settle       time.Duration `env:"ALERT_SETTLE" envDefault:"5m" help:"an alert that is over is told to be so after this long; what comes back before is the same alert"`
	Group        time.Duration `env:"NOTIFY_GROUP" envDefault:"30s" help:"how long a new alert waits for others, to be told in one mail"`
	Repeat       time.Duration `env:"NOTIFY_REPEAT" envDefault:"4h" help:"how long after a mail an alert that is still open is told again"`
	Incident     int           `env:"INCIDENT_SLICES" envDefault:"5" help:"so many slices of a server that lose WhatsApp within INCIDENT_WITHIN are one incident: the admin is told, and not each of their users"`
	IncidentPart float64       `env:"INCIDENT_PART" envDefault:"0.1" help:"and so large a part of the server's linked slices"`
	Within       time.Duration `env:"INCIDENT_WITHIN" envDefault:"10m" help:"the time in which they are counted"`
}

// Lines are those thresholds of Alerts that the operator's pictures show.
type Lines struct {
	Disk      float64       `env:"ALERT_DISK" envDefault:"0.85"`
	RAM       float64       `env:"ALERT_RAM" envDefault:"0.9"`
	CPU       float64       `env:"ALERT_CPU" envDefault:"0.9"`
	SwapIn    float64       `env:"ALERT_SWAP_IN" envDefault:"1000"`
	SwapInFor time.Duration `env:"ALERT_SWAP_IN_FOR" envDefault:"5m"`
}

// Mail is how mails leave, and what they say of this installation.
type Mail struct {
	By        string   `env:"MAIL" envDefault:"file" help:"how mails leave: resend, smtp, or file: each is a file in MAIL_DIR, for development"`
	Dir       string   `env:"MAIL_DIR" help:"with MAIL=file: the folder"`
	From      string   `env:"MAIL_FROM" envDefault:"Slicegate <mail@localhost>" help:"the sender"`
	Admins    []string `env:"ADMIN_EMAIL" help:"addresses that are told of servers and incidents, separated by commas; without one the log alone has them"`
	ResendKey string   `env:"RESEND_API_KEY,unset" secret:"true" help:"with MAIL=resend: the API key"`
	ResendURL string   `env:"RESEND_URL" envDefault:"https://api.resend.com/" help:"Resend's API"`
	SMTP      string   `env:"SMTP_URL,unset" secret:"true" help:"with MAIL=smtp: smtp://user:password@host:587 (with STARTTLS; without a password, where it is offered) or smtps://user:password@host:465"`
	LinkKey   Key      `env:"LINK_KEY,required,unset" secret:"true" help:"64 hex digits that the links in mails are made from"`
	AppURL    string   `env:"APP_URL" envDefault:"http://app.localhost:8080"`
	Brand     string   `env:"BRAND" envDefault:"Slicegate"`
	Contact   string   `env:"CONTACT_EMAIL" help:"where customers write to; without it they are told to answer the mail"`
}

// LoadFunctions reads the settings of `functions` from the environment.
func LoadFunctions() (Functions, error) {
	config, err := load[Functions]()
	if err != nil {
		return config, err
	}
	return config, errors.Join(
		atLeast("TRIAL_DAYS", config.TrialDays, 0),
		atLeast("HASHES_AT_ONCE", config.HashesAtOnce, 0),
		atLeast("FUNCTIONS_CONNECTIONS", config.FunctionsPool, 2),
		onLoopback("FUNCTIONS_METRICS", config.Metrics),
		config.Billing.check(),
		config.Economics.check(),
		check(!config.Billing.On() || len(config.Billing.WebhookSecrets) > 0, "STRIPE_KEY needs STRIPE_WEBHOOK_SECRETS: without them nobody is told of what is paid (`runner stripe-setup` makes one)"),
		webAddress("APP_URL", config.AppURL),
		check(config.SessionLife >= time.Minute, "SESSION_LIFE must be at least 1m"),
	)
}

var (
	serverName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	fleetName  = regexp.MustCompile(`^[a-z][a-z0-9]{0,20}$`)
)

// LoadRunner reads the settings of `runner` from the environment.
func LoadRunner() (Runner, error) {
	config, err := load[Runner]()
	if err != nil {
		return config, err
	}
	return config, errors.Join(
		check(serverName.MatchString(config.Server), "SERVER must be small letters, digits and dashes"),
		check(fleetName.MatchString(config.Fleet), "FLEET must be a word of small letters and digits, 21 at most"),
		check(strings.HasPrefix(config.DataRoot, "/"), "DATA_ROOT must be an absolute path"),
		atLeast("POOL_SIZE", config.PoolSize, 0),
		atLeast("MAX_SLICES", config.MaxSlices, 1),
		check(config.WAEngine == "simulated" || config.WAEngine == "webjs", "WA_ENGINE must be webjs or simulated"),
		check(slices.Contains([]string{"auto", "sandboxed", "lean"}, config.ChromiumProfile), "CHROMIUM_PROFILE must be auto, sandboxed or lean"),
		check(config.Firewall == "on" || config.Firewall == "off", "FIREWALL must be on or off"),
		check(!slices.ContainsFunc(config.SliceDNS, func(a netip.Addr) bool { return !a.Is4() || a.IsLoopback() }), "SLICE_DNS must be IPv4 addresses that are not on loopback: slices have a loopback of their own"),
		check(!slices.Contains(config.SliceEgress, 0), "SLICE_EGRESS_PORTS must be ports from 1 to 65535"),
		check(config.SliceReservation <= config.SliceMemory, "SLICE_MEMORY_RESERVATION must not exceed SLICE_MEMORY"),
		check(config.RestartPause > 0, "RESTART_PAUSE must be more than 0"),
		check(config.RolloutBatch >= 1 && config.RolloutBatch <= 10, "ROLLOUT_BATCH must be from 1 to 10"),
		check(min(config.RolloutAnswer, config.RolloutReady, config.RolloutLife) >= time.Second, "ROLLOUT_ANSWER_WITHIN, ROLLOUT_READY_WITHIN and ROLLOUT_LIFE_WITHIN must be at least 1s"),
		check(config.PoolRetry > 0, "POOL_RETRY must be more than 0"),
		check(config.PoolMaxAge >= time.Minute, "POOL_MAX_AGE must be at least 1m"),
		atLeast("START_CONCURRENCY", config.StartConcurrency, 1),
		check(config.SliceReservation > 0, "SLICE_MEMORY_RESERVATION must be more than 0: new slices are reckoned with it"),
		check(config.FillEvery >= time.Second && config.ReconcileEvery >= time.Second, "FILL_EVERY and RECONCILE_EVERY must be at least 1s"),
		check(config.Reclaim == "on" || config.Reclaim == "off", "RECLAIM must be on or off"),
		check(config.SampleEvery >= time.Second && config.ReclaimEvery >= time.Second, "SAMPLE_EVERY and RECLAIM_EVERY must be at least 1s"),
		// A page that is open is heard of every 25 s: Socket.IO's ping.
		check(config.ReclaimAfter >= time.Minute, "RECLAIM_AFTER must be at least 1m: an open page that does nothing is heard of twice a minute"),
		check(config.ReclaimSwapUse > 0 && config.ReclaimSwapUse <= 1, "RECLAIM_SWAP_USE must be above 0 and at most 1"),
		check(config.ReclaimRate > 0 && config.ReclaimSwapIn > 0 && config.ReclaimRefaults > 0, "RECLAIM_RATE, RECLAIM_SWAP_IN and RECLAIM_REFAULTS must be more than 0"),
		check(strings.HasPrefix(config.ProbePins, "/"), "PROBE_PINS must be an absolute path"),
		check(config.RescueAfter > config.JobTimeout, "RESCUE_AFTER must exceed JOB_TIMEOUT"),
		check(min(config.CheckEvery, config.MeasureEvery, config.AskWithin) >= time.Second, "CHECK_EVERY, MEASURE_EVERY and ASK_WITHIN must be at least 1s"),
		check(config.AskWithin*3 <= config.JobTimeout, "JOB_TIMEOUT must be at least three times ASK_WITHIN"),
		onLoopback("RUNNER_METRICS", config.Metrics),
		check(config.HeartbeatURL == "" || isWeb(config.HeartbeatURL), "HEARTBEAT_URL must be an address that begins with https:// or http://"), // it is secret
		config.Alerts.check(),
		config.Mail.check(),
		config.Billing.check(),
	)
}

func (a Alerts) check() error {
	part := func(name string, value float64) error {
		return check(value > 0 && value <= 1, name+" must be above 0 and at most 1")
	}
	return errors.Join(
		part("ALERT_MEMORY", a.Memory), part("ALERT_STORAGE", a.Storage), part("ALERT_DISK", a.Disk),
		part("ALERT_RAM", a.RAM), part("ALERT_CPU", a.CPU), part("INCIDENT_PART", a.IncidentPart),
		check(a.SwapIn > 0, "ALERT_SWAP_IN must be more than 0"),
		atLeast("INCIDENT_SLICES", a.Incident, 2),
		check(min(a.WhatsApp, a.Container, a.Backend, a.Page, a.Mute, a.CPUFor, a.SwapInFor, a.JobsBehind, a.PoolEmpty, a.Certificate, a.Settle, a.Group) >= 0, "the times of ALERT_… and NOTIFY_GROUP must not be negative"),
		check(min(a.Repeat, a.Within) >= time.Minute, "NOTIFY_REPEAT and INCIDENT_WITHIN must be at least 1m"),
	)
}

func (m Mail) check() error {
	_, err := mail.ParseAddress(m.From)
	smtp, smtpErr := url.Parse(m.SMTP)
	resend, resendErr := url.Parse(m.ResendURL)
	app, appErr := url.Parse(m.AppURL)
	failures := []error{
		check(err == nil, "MAIL_FROM must be an address, such as Slicegate <mail@example.com>"),
		check(slices.Contains([]string{"file", "smtp", "resend"}, m.By), "MAIL must be resend, smtp or file"),
		check(m.By != "file" || strings.HasPrefix(m.Dir, "/"), "MAIL=file needs MAIL_DIR, an absolute path"),
		check(m.By != "resend" || m.ResendKey != "", "MAIL=resend needs RESEND_API_KEY"),
		check(resendErr == nil && resend.Host != "", "RESEND_URL must be an address, such as https://api.resend.com/"),
		// The URL holds a password: a complaint must not repeat it.
		check(m.By != "smtp" || smtpErr == nil && smtp.Hostname() != "" && (smtp.Scheme == "smtp" || smtp.Scheme == "smtps"), "MAIL=smtp needs SMTP_URL, such as smtp://user:password@host:587"),
		check(appErr == nil && app.Host != "" && !strings.HasSuffix(m.AppURL, "/"), "APP_URL must be an address without a slash at the end, such as https://app.example.com"),
	}
	for _, admin := range m.Admins {
		_, err := mail.ParseAddress(admin)
		failures = append(failures, check(err == nil, fmt.Sprintf("ADMIN_EMAIL: %q is no address", admin)))
	}
	return errors.Join(failures...)
}

func load[T any]() (T, error) { return loadFrom[T](os.Environ()) }

// loadFrom parses T's env tags. A secret NAME may come as NAME_FILE, the path of a file that holds it.
func loadFrom[T any](lines []string) (T, error) {
	environment := env.ToMap(lines)
	for name, path := range environment {
		base, isFile := strings.CutSuffix(name, "_FILE")
		if !isFile || path == "" || !isSecret[T](base) {
			continue
		}
		if environment[base] != "" {
			var none T
			return none, fmt.Errorf("both %s and %s are set: keep one", base, name)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			var none T
			return none, fmt.Errorf("%s: %w", name, err)
		}
		environment[base] = strings.TrimSpace(string(content))
	}
	config, err := env.ParseAsWithOptions[T](env.Options{Environment: environment})
	if err != nil {
		return config, fmt.Errorf("settings: %w", err)
	}
	return config, nil
}

func atLeast(name string, value, least int) error {
	return check(value >= least, fmt.Sprintf("%s must be %d or more", name, least))
}

func isWeb(address string) bool {
	at, err := url.Parse(address)
	return err == nil && at.Host != "" && (at.Scheme == "https" || at.Scheme == "http")
}

// onLoopback lets nobody but this machine read what an address serves.
func onLoopback(name, address string) error {
	if address == "off" {
		return nil
	}
	at, err := netip.ParseAddrPort(address)
	return check(err == nil && at.Addr().IsLoopback(), name+" must be an address and port on loopback, such as 127.0.0.1:9481, or off")
}

func check(ok bool, complaint string) error {
	if ok {
		return nil
	}
	return errors.New(complaint)
}

// Key is 32 secret bytes, written as 64 hex digits. It prints as its name, never as its value.
type Key [32]byte

// UnmarshalText reads 64 hex digits.
func (k *Key) UnmarshalText(text []byte) error {
	if len(text) != 64 {
		return errors.New("must be 64 hex digits (openssl rand -hex 32)")
	}
	if _, err := hex.Decode(k[:], text); err != nil {
		return errors.New("must be 64 hex digits (openssl rand -hex 32)")
	}
	return nil
}

// String hides the key from logs.
func (k Key) String() string { return "(secret)" }

// Bytes is a size, written as a number with an optional K, M or G (powers of 1024).
type Bytes int64

// UnmarshalText reads "512M".
func (b *Bytes) UnmarshalText(text []byte) error {
	digits := strings.TrimRight(string(text), "KMGkmg")
	unit := strings.ToUpper(string(text)[len(digits):])
	factor := map[string]int64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[unit]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || factor == 0 || n < 0 || n > 1<<32 && factor > 1 {
		return fmt.Errorf("%q is no size: write a number with K, M or G, such as 512M", text)
	}
	*b = Bytes(n * factor)
	return nil
}

// Ports is a range of TCP ports, both ends included, written "5001-5399".
type Ports struct{ First, Last int }

// UnmarshalText reads "5001-5399".
func (p *Ports) UnmarshalText(text []byte) error {
	first, last, found := strings.Cut(string(text), "-")
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(last)
	if !found || errA != nil || errB != nil || a < 1024 || b > 65535 || a > b {
		return fmt.Errorf("%q is no range of ports between 1024 and 65535, such as 5001-5399", text)
	}
	p.First, p.Last = a, b
	return nil
}

// Odd lists the odd ports of the range in order.
func (p Ports) Odd() []int {
	var ports []int
	for port := p.First | 1; port <= p.Last; port += 2 {
		ports = append(ports, port)
	}
	return ports
}
