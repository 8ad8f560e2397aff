package views

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"slicegate/store"
)

//go:embed admin.css
var adminStyle []byte

// AdminStyle is the one stylesheet of the admin pages: the tokens that all share, and their own.
func AdminStyle() []byte {
	tokens, err := assets.ReadFile("assets/tokens.css")
	if err != nil {
		panic(err) // it is embedded
	}
	return append(append(tokens, '\n'), adminStyle...)
}

// AdminFrame is what every admin page has around it.
type AdminFrame struct {
	Brand, Title string
	Style        string // path of the stylesheet
	AppURL       string
	Path         string // of this page
	Operator     string // address of who has passed the second factor; empty: nobody yet, and there is nothing to go to
	Links        []AdminLink
	FailedJobs   int64
	Maintenance  bool       // users find everything closed
	Said         string     // what has just been done; empty: nothing
	Sees         *AdminSees // whose account is seen in the app; nil: nobody else's
	// That are left to the operator.
	RecoveryCodes int64
}

// AdminLink is an entry of the navigation.
type AdminLink struct{ Path, Title string }

// current tells whether a page is the one that a link leads to, or below it.
func (f AdminFrame) current(link AdminLink) bool {
	return f.Path == link.Path || link.Path != "/admin" && strings.HasPrefix(f.Path, strings.TrimSuffix(link.Path, "/")+"/")
}

// AdminCount is how many there are of something.
type AdminCount struct {
	Of    string
	Count int64
}

// AdminOption is one of a list to choose from.
type AdminOption struct{ Value, Title string }

// AdminLevel says how well something is; the worst first.
type AdminLevel int

// The levels, and with which colour and words they are shown.
const (
	AdminBad AdminLevel = iota
	AdminWarn
	AdminOK
	AdminRest
)

func (l AdminLevel) class() string { return [...]string{"bad", "warn", "ok", "rest"}[l] }

func (l AdminLevel) word() string {
	return [...]string{"Broken", "Needs a look", "Well", "At rest"}[l]
}

// AdminOrder is an order to a slice in words.
func AdminOrder(order string) string {
	if order == "recycle" {
		return "restart"
	}
	return order
}

// AdminCovered says what a silence is of.
func AdminCovered(s store.Silence) string {
	switch {
	case s.Kind == nil && s.Subject == nil:
		return "any alert"
	case s.Subject == nil:
		return "alerts " + *s.Kind
	case s.Kind == nil:
		return "alerts of " + *s.Subject
	default:
		return "alerts " + *s.Kind + " of " + *s.Subject
	}
}

// AdminTime is a time as the pages show it: in UTC, since pages do not know where their readers are.
func AdminTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func adminTimeOr(t *time.Time, otherwise string) string {
	if t == nil {
		return otherwise
	}
	return AdminTime(*t)
}

// adminBytes is a size in three digits or fewer.
func adminBytes(n int64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%d KB", n>>10)
	case n < 1<<30:
		return fmt.Sprintf("%d MB", n>>20)
	case n < 100<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	default:
		return fmt.Sprintf("%d GB", n>>30)
	}
}

// adminSpan is a time in its largest unit.
func adminSpan(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

func adminAgo(t, now time.Time) string { return adminSpan(now.Sub(t)) + " ago" }

func adminAgoOr(t *time.Time, now time.Time, otherwise string) string {
	if t == nil {
		return otherwise
	}
	return adminAgo(*t, now)
}

// adminPathOf is where the subject of an alert or of a line of the audit has its page; empty: nowhere.
func adminPathOf(subject string) string {
	kind, id, _ := strings.Cut(subject, ":")
	switch kind {
	case "slice":
		return "/admin/slices/" + id
	case "user":
		return "/admin/users/" + id
	case "server":
		return "/admin#" + id
	case "rollout":
		return "/admin/updates/" + id
	}
	return ""
}

func adminSeverity(severity string) AdminLevel {
	if severity == "critical" {
		return AdminBad
	}
	return AdminWarn
}
