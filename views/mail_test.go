package views

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"
)

func samples(t *testing.T) []Sample {
	t.Helper()
	all, err := Samples(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func page(t *testing.T, mail Mail) *goquery.Document {
	t.Helper()
	document, err := goquery.NewDocumentFromReader(strings.NewReader(mail.HTML))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// words is a text without its line breaks.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestTheTextSaysWhatTheHTMLSays(t *testing.T) {
	for _, sample := range samples(t) {
		document, text := page(t, sample.Mail), words(sample.Mail.Text)
		said := 0
		document.Find("h1, h2, p:not(.address), td.cell b, td.cell span, a.button").Each(func(_ int, one *goquery.Selection) {
			said++
			if !strings.Contains(text, words(one.Text())) {
				t.Errorf("%s: the text lacks %q", sample.Name, words(one.Text()))
			}
		})
		if said < 4 {
			t.Errorf("%s: %d things are said in it", sample.Name, said)
		}
		document.Find("a").Each(func(_ int, link *goquery.Selection) {
			address := strings.TrimPrefix(link.AttrOr("href", ""), "mailto:")
			if !slices.Contains(strings.Split(sample.Mail.Text, "\n"), address) {
				t.Errorf("%s: the text has no line %q", sample.Name, address)
			}
		})
		for line := range strings.Lines(sample.Mail.Text) {
			if line = strings.TrimRight(line, "\n"); utf8.RuneCountInString(line) > textWidth && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%s: a line of %d characters: %q", sample.Name, utf8.RuneCountInString(line), line)
			}
		}
	}
}

func TestAMailLoadsNothing(t *testing.T) {
	allowed := []string{"html", "head", "meta", "title", "style", "body", "div", "table", "thead", "tbody", "tr", "th", "td", "h1", "h2", "p", "b", "br", "span", "a"}
	for _, sample := range samples(t) {
		document := page(t, sample.Mail)
		document.Find("*").Each(func(_ int, element *goquery.Selection) {
			if name := goquery.NodeName(element); !slices.Contains(allowed, name) {
				t.Errorf("%s has a <%s>", sample.Name, name)
			}
			for _, attribute := range element.Nodes[0].Attr {
				if slices.Contains([]string{"src", "srcset", "background", "poster"}, attribute.Key) || strings.HasPrefix(attribute.Key, "on") {
					t.Errorf("%s: %s=%q", sample.Name, attribute.Key, attribute.Val)
				}
			}
		})
		if strings.Contains(sample.Mail.HTML, "url(") || strings.Contains(sample.Mail.HTML, "@import") {
			t.Errorf("%s loads something by its style", sample.Name)
		}
		if document.Find("html").AttrOr("lang", "") != "en" || document.Find("title").Text() != sample.Mail.Subject {
			t.Errorf("%s has no language or title", sample.Name)
		}
		if document.Find("h1").Length() != 1 || document.Find(".preview").Text() == "" {
			t.Errorf("%s: %d headings of the first rank, preview %q", sample.Name, document.Find("h1").Length(), document.Find(".preview").Text())
		}
	}
}

func TestColoursAreTheTokens(t *testing.T) {
	colour := regexp.MustCompile(`#[0-9a-f]{3,8}\b`)
	missing := regexp.MustCompile(`(background|color|solid)[: ]*(;|!|})`)
	for _, sample := range samples(t) {
		found := map[string]bool{}
		style := page(t, sample.Mail).Find("style").Text()
		page(t, sample.Mail).Find("[style]").Each(func(_ int, element *goquery.Selection) {
			inline := element.AttrOr("style", "")
			if missing.MatchString(inline) || strings.ContainsAny(inline, "$&'") {
				t.Errorf("%s: something is missing or escaped twice in %q", sample.Name, inline)
			}
			for _, one := range colour.FindAllString(inline, -1) {
				found[one] = true
				if !slices.ContainsFunc(values(lightColours), func(known string) bool { return known == one }) {
					t.Errorf("%s: %s is no colour of the tokens", sample.Name, one)
				}
			}
		})
		if !found[lightColours["ground"]] || !found[lightColours["ink"]] || !found[lightColours["surface"]] {
			t.Errorf("%s has the colours %v", sample.Name, found)
		}
		if missing.MatchString(style) || !strings.Contains(style, darkColours["ground"]) || darkColours["ground"] == "" {
			t.Errorf("%s: the dark colours are missing in %q", sample.Name, style)
		}
	}
}

func values(m map[string]string) []string {
	var all []string
	for _, value := range m {
		all = append(all, value)
	}
	return all
}

// everyMail is every kind of mail, with values that somebody else chose.
func everyMail(t *testing.T, head Letterhead, link, detail string) map[string]Mail {
	t.Helper()
	at := time.Date(2026, 11, 27, 9, 12, 0, 0, time.UTC)
	told := []Told{{Kind: kindStorage, Subject: detail, Severity: "critical", Detail: detail, Cause: detail, Phase: PhaseOpened, Since: at}}
	mails := map[string]Mail{}
	for name, make := range map[string]func() (Mail, error){
		"verify":           func() (Mail, error) { return head.Verify(t.Context(), link) },
		"reset":            func() (Mail, error) { return head.Reset(t.Context(), link) },
		"password changed": func() (Mail, error) { return head.PasswordChanged(t.Context(), at) },
		"address changed":  func() (Mail, error) { return head.AddressChanged(t.Context(), at) },
		"place free":       func() (Mail, error) { return head.PlaceFree(t.Context(), true) },
		"place kept":       func() (Mail, error) { return head.PlaceKept(t.Context(), at) },
		"user":             func() (Mail, error) { return head.UserAlert(t.Context(), told) },
		"admin":            func() (Mail, error) { return head.AdminAlert(t.Context(), told) },
		"admin, several":   func() (Mail, error) { return head.AdminAlert(t.Context(), append(told, told...)) },
		"trial ends":       func() (Mail, error) { return head.TrialEnds(t.Context(), at) },
		"trial over":       func() (Mail, error) { return head.TrialOver(t.Context(), at, false) },
		"payment failed":   func() (Mail, error) { return head.PaymentFailed(t.Context(), at, true) },
		"payment action":   func() (Mail, error) { return head.PaymentAction(t.Context(), link) },
		"paused":           func() (Mail, error) { return head.Paused(t.Context(), false) },
		"held":             func() (Mail, error) { return head.Paused(t.Context(), true) },
		"resumed":          func() (Mail, error) { return head.Resumed(t.Context()) },
		"will end":         func() (Mail, error) { return head.WillEnd(t.Context(), at) },
		"ended":            func() (Mail, error) { return head.Ended(t.Context(), at) },
		"deleted soon":     func() (Mail, error) { return head.DeletedSoon(t.Context(), at) },
		"export ready":     func() (Mail, error) { return head.ExportReady(t.Context(), at) },
	} {
		mail, err := make()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		mails[name] = mail
	}
	return mails
}

func TestASubjectIsOneLine(t *testing.T) {
	injected := "Cheap\r\nBcc: all@example.com\r\n\r\n<p>\x00Hello\u2028"
	for name, mail := range everyMail(t, Letterhead{Brand: injected, AppURL: "https://app.example.com"}, "https://app.example.com/x", injected) {
		if mail.Subject == "" || strings.ContainsFunc(mail.Subject, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' }) {
			t.Errorf("%s: the subject is %q", name, mail.Subject)
		}
	}
}

func TestWhatComesFromOutsideStaysText(t *testing.T) {
	hostile := `<script>alert(1)</script><img src="https://tracker.example/1.gif">"onclick="x`
	head := Letterhead{Brand: hostile, AppURL: "https://app.example.com", Contact: `"><script>x</script>`}
	for name, mail := range everyMail(t, head, `javascript:alert("x")`, hostile) {
		document := page(t, mail)
		if n := document.Find("script, img, [onclick]").Length(); n > 0 {
			t.Errorf("%s: %d elements were made of a text:\n%s", name, n, mail.HTML)
		}
		if !strings.Contains(document.Text(), hostile) {
			t.Errorf("%s does not show the text as it is", name)
		}
		if document.Find(`a[href^="javascript"]`).Length() > 0 {
			t.Errorf("%s leads to a script", name)
		}
	}
}

func TestLinksLeadWhereTheyShould(t *testing.T) {
	const app = "https://app.example.com"
	for name, want := range map[string][]string{
		"verify":               {app + "/verify-email#token=0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", "mailto:help@example.com"},
		"reset":                {app + "/reset-password#token=0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", "mailto:help@example.com"},
		"password-changed":     {app + "/forgot-password", "mailto:help@example.com"},
		"place-free":           {app + "/connect", "mailto:help@example.com"},
		"place-kept":           {app + "/billing", "mailto:help@example.com"},
		"user-logged_out":      {app + "/reconnect", app + "/notifications", "mailto:help@example.com"},
		"user-connected-again": {app, app + "/notifications", "mailto:help@example.com"},
		"user-storage":         {app + "/data", app + "/notifications", "mailto:help@example.com"},
		"user-failed-slice":    {app + "/reconnect", app + "/notifications", "mailto:help@example.com"},
		"user-several":         {app + "/reconnect", app + "/data", app, app + "/notifications", "mailto:help@example.com"},
		"admin-one":            nil,
		"trial-ends":           {app + "/billing", "mailto:help@example.com"},
		"payment-failed":       {app + "/billing", "mailto:help@example.com"},
		"payment-action":       {"https://invoice.stripe.com/i/acct_1" + strings.Repeat("0", 80), app + "/billing", "mailto:help@example.com"},
		"paused":               {app + "/billing", "mailto:help@example.com"},
		"resumed":              {app, "mailto:help@example.com"},
		"will-end":             {app + "/billing", "mailto:help@example.com"},
		"ended":                {app + "/billing", "mailto:help@example.com"},
		"deleted-soon":         {app + "/billing", "mailto:help@example.com"},
		"export-ready":         {app + "/billing", "mailto:help@example.com"},
	} {
		i := slices.IndexFunc(samples(t), func(s Sample) bool { return s.Name == name })
		if i < 0 {
			t.Fatalf("there is no sample %s", name)
		}
		var got []string
		page(t, samples(t)[i].Mail).Find("a").Each(func(_ int, link *goquery.Selection) {
			if href := link.AttrOr("href", ""); !slices.Contains(got, href) {
				got = append(got, href)
			}
		})
		if !slices.Equal(got, want) {
			t.Errorf("%s leads to %q, want %q", name, got, want)
		}
	}
}

func TestWithoutAnAddressPeopleAnswerTheMail(t *testing.T) {
	mail, err := Letterhead{Brand: "Slicegate", AppURL: "https://app.example.com"}.PlaceFree(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(mail.Text, "Answer this mail.") || strings.Contains(mail.HTML, "mailto:") {
		t.Errorf("it says:\n%s", mail.Text)
	}
}

func TestAccountMailsSayHowLongAndWhatIfItWasNotYou(t *testing.T) {
	mails := everyMail(t, Letterhead{Brand: "Chatdesk", AppURL: "https://app.example.com", Terms: Terms{Price: "$9"}}, "https://app.example.com/x", "d")
	for name, want := range map[string][]string{
		"verify":           {"Confirm your e-mail address", "good for 7 days", "at Chatdesk"},
		"reset":            {"Choose a new password", "works once, within 10 minutes", "ignore this mail: nothing has changed"},
		"password changed": {"Your password was changed", "at 09:12 UTC on 27 November 2026", "choose a new password now"},
		"address changed":  {"The e-mail address of your account was changed", "at 09:12 UTC on 27 November 2026", "If it was not, somebody else"},
		"place free":       {"Your workspace is ready", "link your phone", "added to your trial"},
		"place kept":       {"A place is free for you", "kept for you until", "Subscribe"},
	} {
		if mails[name].Subject != want[0] {
			t.Errorf("%s: the subject is %q", name, mails[name].Subject)
		}
		for _, text := range want {
			if !strings.Contains(words(mails[name].Text), text) {
				t.Errorf("%s does not say %q:\n%s", name, text, mails[name].Text)
			}
		}
	}
}

// sliceSources are the slice's own states and reasons.
func sliceSources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir("../slice/src/engine", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".ts") {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestEveryCauseHasWords(t *testing.T) {
	api, err := os.ReadFile("../slice/src/api.ts")
	if err != nil {
		t.Fatal(err)
	}
	union := regexp.MustCompile(`(?s)export type WaState =(.*?);`).FindStringSubmatch(string(api))
	if union == nil {
		t.Fatal("api.ts declares no states")
	}
	causes := map[string]bool{}
	for _, state := range regexp.MustCompile(`"([a-z_]+)"`).FindAllStringSubmatch(union[1], -1) {
		causes[state[1]] = true
	}
	reason := regexp.MustCompile(`reason: "([a-z_]+)"|#(?:set|enter)\("[a-z_]+", "([a-z_]+)"|#unlink\("([a-z_]+)"|connection\(false, "([a-z_]+)"`)
	for _, found := range reason.FindAllStringSubmatch(sliceSources(t), -1) {
		causes[found[1]+found[2]+found[3]+found[4]] = true
	}
	for problem := range pageProblems(t) {
		causes[problem] = true
	}
	if len(causes) < 25 {
		t.Fatalf("only %d causes were found: %v", len(causes), causes)
	}
	for cause := range causes {
		_, own := troubles[cause]
		if _, same := sameTrouble[cause]; !own && !same {
			t.Errorf("there are no words for %s", cause)
		}
	}
	for cause, said := range troubles {
		if !causes[cause] {
			t.Errorf("no slice says %s", cause)
		}
		if said.now == "" || said.still == "" || said.now == said.still || len(said.text) < 2 || said.act == "" {
			t.Errorf("the words for %s are not complete: %+v", cause, said)
		}
	}
	if unknown := troubleOf("moon_phase"); unknown.now != "Your WhatsApp is disconnected" {
		t.Errorf("a cause that nobody knows: %+v", unknown)
	}
}

// pageProblems are the problems that the app has a page for, each with what it warns of.
func pageProblems(t *testing.T) map[string]string {
	t.Helper()
	source, err := os.ReadFile("../web/src/connect/problems.ts")
	if err != nil {
		t.Fatal(err)
	}
	again := regexp.MustCompile(`const notAgain = "(.*)";`).FindStringSubmatch(string(source))
	if again == nil {
		t.Fatal("problems.ts has no notAgain")
	}
	warning := regexp.MustCompile(`warning: (?:notAgain|"(.*)"),`)
	problems := map[string]string{}
	for _, found := range regexp.MustCompile(`(?ms)^  ([a-z_]+): \{\n(.*?)^  \},`).FindAllStringSubmatch(string(source), -1) {
		problems[found[1]] = ""
		if warned := warning.FindStringSubmatch(found[2]); warned != nil {
			problems[found[1]] = warned[1]
			if warned[1] == "" {
				problems[found[1]] = again[1]
			}
		}
	}
	return problems
}

func TestMailAndPageWarnOfTheSame(t *testing.T) {
	problems, warned := pageProblems(t), 0
	for cause, warning := range problems {
		if got := troubleOf(cause).caution; got != warning {
			t.Errorf("%s: the page warns %q, the mail %q", cause, warning, got)
		}
		if warning != "" {
			warned++
			mail, err := Letterhead{AppURL: "https://app.example.com"}.UserAlert(t.Context(), []Told{{Kind: kindDisconnected, Cause: cause, Phase: PhaseOpened}})
			if err != nil || page(t, mail).Find(".caution").Text() != "Important: "+warning {
				t.Errorf("%s: the mail shows %q (%v)", cause, page(t, mail).Find(".caution").Text(), err)
			}
		}
	}
	if len(problems) < 16 || warned < 5 {
		t.Errorf("of the page were read: %v", problems)
	}
}

func TestEachPhaseHasItsWords(t *testing.T) {
	head := Letterhead{Brand: "Slicegate", AppURL: "https://app.example.com"}
	began := time.Date(2026, 11, 27, 23, 50, 0, 0, time.FixedZone("", 3600))
	ended := began.Add(26*time.Hour + 61*time.Second)
	for _, test := range []struct {
		told    Told
		subject string
		says    []string
	}{
		{Told{Kind: kindDisconnected, Cause: "logged_out", Phase: PhaseOpened}, "Your WhatsApp is disconnected", []string{"since 22:50 UTC on 27 November 2026", "Link the phone again:"}},
		{Told{Kind: kindDisconnected, Cause: "logged_out", Phase: PhaseRepeated}, "Your WhatsApp is still disconnected", []string{"since 22:50 UTC on 27 November 2026"}},
		{Told{Kind: kindDisconnected, Cause: "logged_out", Phase: PhaseEnded, Ended: &ended}, "Your WhatsApp is connected again", []string{"away from 22:50 UTC on 27 November 2026 to 00:51 UTC on 29 November 2026, for 1 day 2 hours"}},
		{Told{Kind: kindDisconnected, Cause: "tos_block", Phase: PhaseRepeated}, "WhatsApp still blocks your number", []string{"Important: Do not link the phone again and again"}},
		{Told{Kind: kindStorage, Phase: PhaseOpened, Detail: "Your files take up 1.9 GB of 2 GB."}, "Your storage is almost full", []string{"1.9 GB of 2 GB", "Delete files"}},
		{Told{Kind: kindStorage, Phase: PhaseRepeated, Detail: "x"}, "Your storage is still almost full", nil},
		{Told{Kind: kindStorage, Phase: PhaseEnded, Ended: &ended}, "Your storage has room again", nil},
		{Told{Kind: kindFailed, Phase: PhaseOpened}, "Your workspace could not be started", []string{"We have been told and are on it", "files are kept"}},
		{Told{Kind: kindFailed, Phase: PhaseRepeated}, "Your workspace still does not start", nil},
		{Told{Kind: kindFailed, Phase: PhaseEnded, Ended: &ended}, "Your workspace runs again", []string{"1 day 2 hours"}},
	} {
		test.told.Since, test.told.Opened = began, began.Add(2*time.Minute)
		mail, err := head.UserAlert(t.Context(), []Told{test.told})
		if err != nil {
			t.Errorf("%s: %v", test.subject, err)
			continue
		}
		if mail.Subject != test.subject {
			t.Errorf("%s, %s: the subject is %q, want %q", test.told.Kind, test.told.Phase, mail.Subject, test.subject)
		}
		for _, text := range test.says {
			if !strings.Contains(words(mail.Text), text) {
				t.Errorf("%s does not say %q:\n%s", test.subject, text, mail.Text)
			}
		}
		if !strings.Contains(mail.Text, "\nhttps://app.example.com/notifications\n") {
			t.Errorf("%s does not say where to change what one is told", test.subject)
		}
	}
}

func TestSeveralAlertsAreOneMail(t *testing.T) {
	head := Letterhead{Brand: "Slicegate", AppURL: "https://app.example.com"}
	ended := time.Now()
	mail, err := head.UserAlert(t.Context(), []Told{
		{Kind: kindFailed, Severity: "critical", Phase: PhaseEnded, Ended: &ended},
		{Kind: kindStorage, Severity: "warning", Phase: PhaseOpened, Detail: "Your files take up 1.9 GB of 2 GB."},
		{Kind: kindDisconnected, Severity: "critical", Cause: "qr", Phase: PhaseOpened},
	})
	if err != nil {
		t.Fatal(err)
	}
	if mail.Subject != "Your WhatsApp is disconnected, and 2 more" {
		t.Errorf("the subject is %q", mail.Subject)
	}
	headings := page(t, mail).Find("h1, h2").Map(func(_ int, one *goquery.Selection) string { return one.Text() })
	if want := []string{"Your WhatsApp is disconnected", "Your storage is almost full", "Your workspace runs again"}; !slices.Equal(headings, want) {
		t.Errorf("the headings are %q, want %q", headings, want)
	}

	mail, err = head.UserAlert(t.Context(), []Told{{Kind: kindDisconnected, Phase: PhaseOpened}, {Kind: kindFailed, Phase: PhaseOpened}})
	if err != nil {
		t.Fatal(err)
	}
	if n := page(t, mail).Find("a.button").Length(); n != 1 {
		t.Errorf("%d buttons lead to one page", n)
	}
}

func TestAlertsWithoutWordsAreRefused(t *testing.T) {
	for name, told := range map[string][]Told{
		"none":    nil,
		"a kind":  {{Kind: "server.disk", Phase: PhaseOpened}},
		"a phase": {{Kind: kindStorage, Phase: "closed"}},
	} {
		if mail, err := (Letterhead{}).UserAlert(t.Context(), told); err == nil {
			t.Errorf("%s: there is a mail: %s", name, mail.Subject)
		}
	}
	if _, err := (Letterhead{}).AdminAlert(t.Context(), nil); err == nil {
		t.Error("the admin is told of nothing")
	}
}

func TestTheAdminsSubject(t *testing.T) {
	head := Letterhead{Brand: "Slicegate"}
	ended := time.Now()
	one := Told{Kind: "slice.failed", Subject: "slice:12", Server: "local", Severity: "critical", Phase: PhaseOpened, Detail: "Slice 12 stays down. Look at its log."}
	disk := Told{Kind: "server.disk", Subject: "server:local", Severity: "warning", Phase: PhaseOpened, Detail: "The disk is 91 % full"}
	far := disk
	far.Subject = "server:far"
	again, over := one, one
	again.Phase = PhaseRepeated
	over.Phase, over.Ended = PhaseEnded, &ended
	long := one
	long.Detail = strings.Repeat("very long ", 40)
	for want, told := range map[string][]Told{
		"[Slicegate] critical: Slice 12 stays down":          {one},
		"[Slicegate] warning: The disk is 91 % full":         {disk},
		"[Slicegate] still critical: Slice 12 stays down":    {again},
		"[Slicegate] over: Slice 12 stays down":              {over},
		"[Slicegate] critical: 2 alerts on local, 1 over":    {disk, one, over},
		"[Slicegate] warning: The disk is 91 % full, 2 over": {over, disk, over},
		"[Slicegate] warning: 2 alerts":                      {disk, far},
		"[Slicegate] over: 2 alerts on local":                {over, over},
	} {
		mail, err := head.AdminAlert(t.Context(), told)
		if err != nil || mail.Subject != want {
			t.Errorf("the subject is %q, want %q (%v)", mail.Subject, want, err)
		}
	}
	mail, err := head.AdminAlert(t.Context(), []Told{long})
	if err != nil || utf8.RuneCountInString(mail.Subject) > 140 || !strings.HasSuffix(mail.Subject, "…") {
		t.Errorf("a long subject: %q (%v)", mail.Subject, err)
	}
}

func TestTheAdminsList(t *testing.T) {
	began := time.Date(2026, 11, 27, 9, 12, 0, 0, time.UTC)
	ended := began.Add(42 * time.Minute)
	mail, err := Letterhead{Brand: "Slicegate"}.AdminAlert(t.Context(), []Told{
		{Kind: "wa.disconnected", Subject: "slice:7", Severity: "critical", Phase: PhaseEnded, Since: began, Ended: &ended, Detail: "WhatsApp of slice 7 was away.", Cause: "qr"},
		{Kind: "server.disk", Subject: "server:local", Severity: "warning", Phase: PhaseRepeated, Since: began, Detail: "The disk is 91 % full."},
		{Kind: "wa.incident", Subject: "server:local", Severity: "critical", Phase: PhaseOpened, Opened: began, Detail: "WhatsApp is lost on many slices.", Covers: 23},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	page(t, mail).Find("table.alerts").Each(func(i int, table *goquery.Selection) {
		table.ChildrenFiltered("tbody").Children().Each(func(_ int, row *goquery.Selection) {
			said := row.Find("b, span").Map(func(_ int, one *goquery.Selection) string { return one.Text() })
			got = append(got, fmt.Sprint(i, " ", strings.Join(said, " | ")))
		})
	})
	want := []string{
		"0 Critical | wa.incident | server:local, since 09:12 UTC on 27 November 2026 | WhatsApp is lost on many slices. It stands for 23 slices.",
		"0 Warning | server.disk | server:local, still, since 09:12 UTC on 27 November 2026 | The disk is 91 % full.",
		"1 Critical | wa.disconnected (qr) | slice:7, from 09:12 to 09:54 UTC on 27 November 2026, for 42 minutes | WhatsApp of slice 7 was away.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the list is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !strings.Contains(words(mail.Text), "“runner alerts” shows what is open") || !strings.Contains(mail.Text, "\n1 alert over\n") || strings.Contains(mail.Text, "Questions") {
		t.Errorf("the text is\n%s", mail.Text)
	}
}

func TestWhatsAppTextIsShort(t *testing.T) {
	head := Letterhead{Brand: "Slicegate", AppURL: "https://app.example.com"}
	ended := time.Now()
	told := []Told{{Kind: kindDisconnected, Phase: PhaseEnded, Ended: &ended, Since: ended.Add(-time.Hour)}}
	text := WhatsAppText(head, told)
	if !strings.HasPrefix(text, "Slicegate: Your WhatsApp is connected again.\nIt was away from ") || !strings.HasSuffix(text, "\nhttps://app.example.com") {
		t.Errorf("it says %q", text)
	}
	for cause := range troubles {
		for _, head := range []Letterhead{head, {Brand: strings.Repeat("Brand ", 100), AppURL: "https://app.example.com"}} {
			one := Told{Kind: kindDisconnected, Cause: cause, Phase: PhaseOpened, Since: ended}
			storage := Told{Kind: kindStorage, Phase: PhaseOpened, Detail: strings.Repeat("full ", 200)}
			for _, told := range [][]Told{{one}, {storage}, {one, storage, one, storage, one, storage, one, storage, one, storage, one, storage, one, storage, one, storage, one, storage}} {
				text := WhatsAppText(head, told)
				if n := utf8.RuneCountInString(text); n >= 500 || !strings.HasPrefix(text, head.Brand[:9]) || !strings.Contains(text, "\nhttps://app.example.com/") {
					t.Errorf("%s: %d characters: %q", cause, n, text)
				}
			}
		}
	}
	if text := WhatsAppText(head, []Told{{Kind: "server.disk", Phase: PhaseOpened}}); text != "" {
		t.Errorf("of a server they are told %q", text)
	}
}

func TestSamplesAreFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "mails")
	if err := WriteSamples(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	for _, sample := range samples(t) {
		if written, err := os.ReadFile(filepath.Join(dir, sample.Name+".html")); err != nil || string(written) != sample.Mail.HTML {
			t.Errorf("%s is not there as it is: %v", sample.Name, err)
		}
	}
}
