package views

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	_ "golang.org/x/image/webp"
	"golang.org/x/net/html"
)

// odd has values that nobody would write into a page by hand.
var odd = Site{
	Brand: "Quillfish", AppURL: "https://app.quillfish.example", SiteURL: "https://quillfish.example", ContactEmail: "ahoy@quillfish.example",
	TrialDays: 23, Price: "87.65", LaunchPrice: "43.21", StoragePrice: "6.54", Currency: "¤", Payments: true, Grace: 5 * 24 * time.Hour, Retention: 9 * 24 * time.Hour, MediaQuota: "7.5 GB", DataResidency: "Atlantis",
}

// written are the pages that a site is written as, by their names.
func written(t *testing.T, site Site) (dir string, pages map[string]*goquery.Document) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "new", "site")
	if err := WriteSite(t.Context(), dir, site); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil || len(names) != len(site.pages()) {
		t.Fatalf("the pages are %v, %v", names, err)
	}
	pages = map[string]*goquery.Document{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if pages[filepath.Base(name)], err = goquery.NewDocumentFromReader(strings.NewReader(string(content))); err != nil {
			t.Fatal(err)
		}
	}
	return dir, pages
}

// said is all that visitors of a page can read, hear or share.
func said(page *goquery.Document) string {
	var text string
	page.Find("*").Contents().Each(func(_ int, one *goquery.Selection) {
		if one.Nodes[0].Type == html.TextNode {
			text += " " + one.Nodes[0].Data
		}
	})
	page.Find("[content], [alt]").Each(func(_ int, one *goquery.Selection) {
		text += " " + one.AttrOr("content", "") + " " + one.AttrOr("alt", "")
	})
	return words(text)
}

func TestEveryPageSaysWhatItIs(t *testing.T) {
	_, pages := written(t, odd)
	titles := map[string]string{}
	for name, page := range pages {
		title, description := page.Find("head > title").Text(), page.Find(`meta[name="description"]`).AttrOr("content", "")
		if !strings.Contains(title, odd.Brand) || len(description) < 30 || len(description) > 170 {
			t.Errorf("%s: title %q, description of %d characters: %q", name, title, len(description), description)
		}
		for _, text := range []string{title, description} {
			if titles[text] != "" {
				t.Errorf("%s and %s both say %q", name, titles[text], text)
			}
			titles[text] = name
		}
		if page.Find("h1").Length() != 1 || page.Find("main h1").Text() == "" || page.Find("html").AttrOr("lang", "") != "en" {
			t.Errorf("%s has %d headings of the page", name, page.Find("h1").Length())
		}
		level := 1
		page.Find("h1, h2, h3, h4").Each(func(_ int, heading *goquery.Selection) {
			if now := int(goquery.NodeName(heading)[1] - '0'); now > level+1 {
				t.Errorf("%s: %q leaves out a level", name, heading.Text())
			} else {
				level = now
			}
		})
		canonical, listed := odd.SiteURL+"/"+strings.TrimSuffix(strings.TrimSuffix(name, ".html"), "index"), name != "404.html"
		if got := page.Find(`link[rel="canonical"]`).AttrOr("href", ""); listed && got != canonical {
			t.Errorf("%s is said to be %q", name, got)
		}
		if noindex := page.Find(`meta[name="robots"][content="noindex"]`).Length() == 1; noindex == listed {
			t.Errorf("%s is for search engines: %v", name, listed)
		}
		for property, want := range map[string]string{"og:title": title, "og:description": description, "og:url": canonical, "og:site_name": odd.Brand} {
			if got := page.Find(fmt.Sprintf(`meta[property=%q]`, property)).AttrOr("content", ""); listed && got != want {
				t.Errorf("%s: %s is %q, want %q", name, property, got, want)
			}
		}
	}
}

func TestTheSitemapHasEveryPageThatIsThere(t *testing.T) {
	dir, pages := written(t, odd)
	content, err := os.ReadFile(filepath.Join(dir, "sitemap.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		XMLName   xml.Name `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
		Addresses []string `xml:"url>loc"`
	}
	if err := xml.Unmarshal(content, &list); err != nil {
		t.Fatal(err)
	}
	var want []string
	for name, page := range pages {
		if name != "404.html" {
			want = append(want, page.Find(`link[rel="canonical"]`).AttrOr("href", ""))
		}
	}
	slices.Sort(list.Addresses)
	slices.Sort(want)
	if !slices.Equal(list.Addresses, want) {
		t.Errorf("it has %q, want %q", list.Addresses, want)
	}
	robots, err := os.ReadFile(filepath.Join(dir, "robots.txt"))
	if err != nil || !strings.Contains(string(robots), "\nSitemap: "+odd.SiteURL+"/sitemap.xml\n") {
		t.Errorf("robots.txt: %q, %v", robots, err)
	}
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	dir, pages := written(t, odd)
	app := appPages(t)
	for name, page := range pages {
		links := page.Find("a")
		if links.Length() < 10 {
			t.Errorf("%s has %d links", name, links.Length())
		}
		links.Each(func(_ int, link *goquery.Selection) {
			href := link.AttrOr("href", "")
			to, err := url.Parse(href)
			if err != nil || words(link.Text()) == "" {
				t.Errorf("%s: %q (%q): %v", name, href, words(link.Text()), err)
				return
			}
			switch {
			case to.Scheme == "mailto":
				if to.Opaque != odd.ContactEmail {
					t.Errorf("%s: mails go to %q", name, to.Opaque)
				}
			case to.Host != "":
				if rest, ours := strings.CutPrefix(href, odd.AppURL); !ours || !slices.Contains(app, "/"+strings.TrimPrefix(rest, "/")) {
					t.Errorf("%s: %q is no page of the app", name, href)
				}
			default:
				target := name
				if to.Path != "" {
					target = found(dir, to.Path)
				}
				at, there := pages[target]
				if !there {
					t.Errorf("%s: there is no page %q", name, href)
				} else if to.Fragment != "" && at.Find("#"+to.Fragment).Length() != 1 {
					t.Errorf("%s: %q leads to no place of the page", name, href)
				}
			}
		})
		ids := map[string]bool{}
		page.Find("[id]").Each(func(_ int, one *goquery.Selection) {
			if ids[one.AttrOr("id", "")] {
				t.Errorf("%s: two are #%s", name, one.AttrOr("id", ""))
			}
			ids[one.AttrOr("id", "")] = true
		})
		page.Find("[aria-labelledby]").Each(func(_ int, one *goquery.Selection) {
			if !ids[one.AttrOr("aria-labelledby", "")] {
				t.Errorf("%s: nothing is #%s", name, one.AttrOr("aria-labelledby", ""))
			}
		})
		if current := page.Find(`[aria-current="page"]`); current.Length() > 1 || current.Length() == 1 && found(dir, current.AttrOr("href", "")) != name {
			t.Errorf("%s: the navigation says that it is %q", name, current.Text())
		}
	}
}

// found is the file that nginx serves at a path of the site, as nginx/nginx.conf.tmpl has it.
func found(dir, path string) string {
	for _, name := range []string{path, path + ".html", path + "/index.html"} {
		name = strings.TrimPrefix(filepath.Clean(name), "/")
		if file, err := os.Stat(filepath.Join(dir, name)); err == nil && !file.IsDir() {
			return name
		}
	}
	return ""
}

// appPages are the paths that the app has a page for.
func appPages(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("../web/src/App.tsx")
	if err != nil {
		t.Fatal(err)
	}
	pages := []string{"/"}
	for _, route := range regexp.MustCompile(`<Route path="(/[a-z/-]*)"`).FindAllStringSubmatch(string(source), -1) {
		pages = append(pages, route[1])
	}
	if len(pages) < 8 {
		t.Fatalf("App.tsx has the pages %q", pages)
	}
	return pages
}

func TestEveryPictureIsThereAndHasItsSizeAndWords(t *testing.T) {
	dir, pages := written(t, odd)
	shown := map[string]bool{"assets/icon.svg": true}
	for name, page := range pages {
		page.Find("img, source").Each(func(_ int, one *goquery.Selection) {
			address := one.AttrOr("src", one.AttrOr("srcset", ""))
			width, height := one.AttrOr("width", ""), one.AttrOr("height", "")
			shown[strings.TrimPrefix(address, "/")] = true
			content, err := os.ReadFile(filepath.Join(dir, address))
			if err != nil || width == "" || height == "" {
				t.Errorf("%s: %q is %s x %s: %v", name, address, width, height, err)
				return
			}
			if strings.HasSuffix(address, ".webp") {
				size, _, err := image.DecodeConfig(bytes.NewReader(content))
				if got := fmt.Sprint(size.Width, " x ", size.Height); err != nil || got != width+" x "+height || len(content) > 120_000 {
					t.Errorf("%s has %s pixels and %d bytes, and %s says %s x %s: %v", address, got, len(content), name, width, height, err)
				}
			}
			alt, has := one.Attr("alt")
			if goquery.NodeName(one) == "img" && (!has || strings.HasSuffix(address, ".webp") && len(alt) < 20) {
				t.Errorf("%s: %s has the words %q", name, address, alt)
			}
		})
	}
	pictures, err := filepath.Glob(filepath.Join(dir, "assets", "*.webp"))
	if err != nil || len(pictures) < 8 {
		t.Fatalf("the pictures are %v, %v", pictures, err)
	}
	for _, picture := range pictures {
		if !shown["assets/"+filepath.Base(picture)] {
			t.Errorf("no page shows %s", filepath.Base(picture))
		}
	}
}

func TestThePagesLoadNothingFromElsewhereAndRunNothing(t *testing.T) {
	dir, pages := written(t, odd)
	for name, page := range pages {
		page.Find("*").Each(func(_ int, element *goquery.Selection) {
			node := element.Nodes[0]
			if slices.Contains([]string{"script", "style", "iframe", "object", "embed", "form", "base", "video", "audio"}, node.Data) {
				t.Errorf("%s has a <%s>", name, node.Data)
			}
			for _, attribute := range node.Attr {
				loads := slices.Contains([]string{"src", "srcset"}, attribute.Key) || attribute.Key == "href" && node.Data == "link" && element.AttrOr("rel", "") != "canonical"
				if loads && !regexp.MustCompile(`^/assets/[a-z0-9.-]+$`).MatchString(attribute.Val) {
					t.Errorf("%s loads %q", name, attribute.Val)
				}
				if attribute.Key == "style" || strings.HasPrefix(attribute.Key, "on") {
					t.Errorf("%s: <%s %s=%q>", name, node.Data, attribute.Key, attribute.Val)
				}
			}
		})
	}
	sheets, err := filepath.Glob(filepath.Join(dir, "assets", "*.css"))
	if err != nil || len(sheets) != 2 {
		t.Fatalf("the style sheets are %v, %v", sheets, err)
	}
	for _, sheet := range sheets {
		content, err := os.ReadFile(sheet)
		if err != nil || strings.Contains(string(content), "url(") || strings.Contains(string(content), "@import") {
			t.Errorf("%s loads something, or is not there: %v", sheet, err)
		}
	}
}

func TestWhatAnInstallationIsComesFromItsSettings(t *testing.T) {
	_, pages := written(t, odd)
	for name, values := range map[string][]string{
		"index.html":    {odd.Brand, "¤43.21", "¤87.65", "23 days"},
		"features.html": {odd.Brand, "23 days"},
		"pricing.html": {
			odd.Brand, "¤43.21 a month for as long as the subscription lasts", "instead of a month, for as long as you stay subscribed", "23 days", "7.5 GB", "¤6.54 a month",
			"For 5 days after the trial everything goes on.", "kept for 9 days, in which you can still come back", "you have 5 days to put it right", "data waits 9 days",
			"with it your account and its e-mail address", "kept for 9 days: in these you can come back",
		},
		"signup.html":  {odd.Brand, "¤43.21", "23 days"},
		"support.html": {odd.Brand, odd.ContactEmail},
		"terms.html":   {odd.Brand, "¤6.54", "can go on for 5 days after the trial", "has 5 days to be put right", "kept for 9 days", "your account and its e-mail address with it", "¤43.21", "¤87.65", "23 days", "7.5 GB", odd.ContactEmail, "WhatsApp may restrict, block or ban", "not affiliated"},
		"privacy.html": {odd.Brand, odd.DataResidency, odd.ContactEmail, "or 5 days after a trial", "kept for 9 days", "your account with it: its e-mail address", "nothing is kept here", "there was a workspace of some number", "Invoices stay at Stripe"},
	} {
		for _, value := range values {
			if !strings.Contains(said(pages[name]), value) {
				t.Errorf("%s does not say %q", name, value)
			}
		}
	}
	for name, page := range pages {
		if text := said(page); regexp.MustCompile(`\$|9\.00|4\.50|\b14\b|2 GB|Canada|Slicegate|7 days|0\.50`).MatchString(text) {
			t.Errorf("%s says something by itself: %q", name, regexp.MustCompile(`.{0,30}(\$|9\.00|4\.50|\b14\b|2 GB|Canada|Slicegate|7 days|0\.50).{0,30}`).FindString(text))
		}
	}
}

func TestWordsDoNotRunTogether(t *testing.T) {
	_, pages := written(t, odd)
	before, after := regexp.MustCompile(`[\pL\pN.,;:]$`), regexp.MustCompile(`^[\pL\pN]`)
	for name, page := range pages {
		page.Find("p a, p b, p s, li a, li b").Each(func(_ int, inline *goquery.Selection) {
			if last := inline.Nodes[0].PrevSibling; last != nil && last.Type == html.TextNode && before.MatchString(last.Data) {
				t.Errorf("%s: %q runs into what is before it", name, inline.Text())
			}
			if next := inline.Nodes[0].NextSibling; next != nil && next.Type == html.TextNode && after.MatchString(next.Data) {
				t.Errorf("%s: %q runs into what follows", name, inline.Text())
			}
		})
		if found := regexp.MustCompile(`.{0,20}\s[.,;:](\s.{0,20}|$)`).FindString(page.Find("main").Text()); found != "" {
			t.Errorf("%s has a space too many: %q", name, found)
		}
	}
}

func TestWithoutATrialNobodySpeaksOfOne(t *testing.T) {
	site := odd
	site.TrialDays = 0
	_, pages := written(t, site)
	for name, page := range pages {
		if found := regexp.MustCompile(`(?i).{0,30}\b(trials?|free|try it|no card|nothing else is asked)\b.{0,30}`).FindString(said(page)); found != "" {
			t.Errorf("%s says %q", name, found)
		}
	}
	steps := pages["signup.html"].Find("ol h2").Map(func(_ int, step *goquery.Selection) string { return step.Text() })
	if want := []string{"Create your account", "Pay for the first month", "Scan the QR code"}; !slices.Equal(steps, want) {
		t.Errorf("the steps are %q", steps)
	}
	site.TrialDays = 1
	_, pages = written(t, site)
	if text := said(pages["pricing.html"]); !strings.Contains(text, " Try it free for 1 day ") || !strings.Contains(text, "A trial of 1 day,") {
		t.Errorf("a day is not one: %q", text)
	}
	if got := pages["signup.html"].Find("ol h2").Length(); got != 2 {
		t.Errorf("with a trial there are %d steps", got)
	}
}

func TestWithoutALaunchPriceNobodySpeaksOfOne(t *testing.T) {
	site := odd
	site.LaunchPrice = ""
	_, pages := written(t, site)
	for name, page := range pages {
		if text := said(page); regexp.MustCompile(`(?i)launch|instead of`).MatchString(text) || page.Find("s").Length() > 0 {
			t.Errorf("%s says %q", name, regexp.MustCompile(`(?i).{0,30}(launch|instead of).{0,30}`).FindString(text))
		}
	}
	if got := words(pages["pricing.html"].Find(".amount").Text()); got != "¤87.65 a month for one number" {
		t.Errorf("the price is %q", got)
	}
}

func TestTheLaunchPriceHoldsAsLongAsItIsSetTo(t *testing.T) {
	site := odd
	site.LaunchMonths = 5
	_, pages := written(t, site)
	for name, want := range map[string]string{
		"index.html":   "instead of a month, for the first 5 months",
		"pricing.html": "pays ¤43.21 a month for the first 5 months, then ¤87.65 a month.",
		"terms.html":   "the launch price, for the first 5 months; the full price is ¤87.65",
	} {
		if text := said(pages[name]); !strings.Contains(text, want) || regexp.MustCompile("as long as (you stay subscribed|the subscription)").MatchString(text) {
			t.Errorf("%s does not say %q, or says that it holds for good", name, want)
		}
	}
}

func TestWhatIsNotSoldIsNotOffered(t *testing.T) {
	site := odd
	site.StoragePrice = ""
	_, pages := written(t, site)
	for name, page := range pages {
		if found := regexp.MustCompile(`.{0,30}(More room|Or buy more|A gigabyte more).{0,30}`).FindString(said(page)); found != "" {
			t.Errorf("%s says %q", name, found)
		}
	}
	if !strings.Contains(said(pages["pricing.html"]), "More storage cannot be bought yet.") {
		t.Error("the page about prices does not say that there is no more storage")
	}
}

func TestWhereNothingCanBePaidThePagesSaySo(t *testing.T) {
	const nothing = "Nothing can be paid here yet"
	_, pages := written(t, odd)
	for name, page := range pages {
		if strings.Contains(said(page), nothing) {
			t.Errorf("%s says that nothing can be paid", name)
		}
	}
	site := odd
	site.Payments = false
	_, pages = written(t, site)
	for _, name := range []string{"pricing.html", "terms.html"} {
		if text := said(pages[name]); !strings.Contains(text, nothing) || strings.Contains(text, "you subscribe, during") {
			t.Errorf("%s does not say that nothing can be paid: %q", name, text)
		}
	}
}

func TestTermsAndPrivacyAreDraftsUntilTheyAreApproved(t *testing.T) {
	for approved, want := range map[bool][]string{false: {"privacy.html", "terms.html"}, true: nil} {
		site := odd
		site.LegalApproved = approved
		_, pages := written(t, site)
		var drafts []string
		for _, name := range slices.Sorted(maps.Keys(pages)) {
			if strings.Contains(said(pages[name]), "must have it checked by a lawyer") {
				drafts = append(drafts, name)
				if pages[name].Find("article > :first-child.draft").Length() != 1 {
					t.Errorf("%s does not begin with it", name)
				}
			}
		}
		if !slices.Equal(drafts, want) {
			t.Errorf("approved: %v, and drafts are %v", approved, drafts)
		}
	}
}

func TestWithoutAnAddressVisitorsAnswerAMail(t *testing.T) {
	site := odd
	site.ContactEmail = ""
	_, pages := written(t, site)
	for name, page := range pages {
		if page.Find(`a[href^="mailto"]`).Length() > 0 {
			t.Errorf("%s has an address", name)
		}
	}
	for _, name := range []string{"support.html", "terms.html", "privacy.html"} {
		if !strings.Contains(strings.ToLower(said(pages[name])), "answer any mail that we have sent you") {
			t.Errorf("%s does not say how to reach us", name)
		}
	}
}

func TestWhatIsSetIsTextAndNothingElse(t *testing.T) {
	hostile := `<script>alert(1)</script>"><img src=x onerror=alert(1)>'&amp;`
	site := Site{
		Brand: hostile, AppURL: "https://app.example.com", SiteURL: "https://example.com", ContactEmail: hostile,
		Price: hostile, LaunchPrice: hostile + "1", Currency: hostile, MediaQuota: hostile, DataResidency: hostile,
	}
	dir, pages := written(t, site)
	for name, page := range pages {
		if page.Find("script, img[src=x], [onerror]").Length() > 0 {
			t.Errorf("%s runs what the settings say", name)
		}
		if !strings.Contains(page.Find("header .brand").Text(), hostile) {
			t.Errorf("%s does not show the brand as it is", name)
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if problem := unbalanced(string(content)); problem != "" {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// unbalanced tells of the first element that is not closed where it should be; a parser mends that unseen.
func unbalanced(page string) string {
	void := []string{"meta", "link", "img", "br", "hr", "source", "input"}
	var open []string
	tokens := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := tokens.Next()
		name, _ := tokens.TagName()
		switch kind {
		case html.ErrorToken:
			if len(open) > 0 {
				return "not closed: " + strings.Join(open, " ")
			}
			return ""
		case html.StartTagToken:
			if !slices.Contains(void, string(name)) {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != string(name) {
				return fmt.Sprintf("</%s> within %s", name, strings.Join(open, " "))
			}
			open = open[:len(open)-1]
		}
	}
}
