// Package views holds what people see that is not the app: the marketing site, the mails
// and the admin pages, as templ components. They get values and give HTML; they ask nobody.
package views

//go:generate go run github.com/a-h/templ/cmd/templ@v0.3.977 generate

import (
	"context"
	"embed"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/a-h/templ"
)

//go:embed assets
var assets embed.FS

// Site is what the pages of the marketing site say about this installation.
type Site struct {
	Brand         string
	AppURL        string        // of the app, without a slash at the end
	SiteURL       string        // of these pages, likewise
	ContactEmail  string        // shown if not empty
	TrialDays     int           // 0: there is no trial, and no page speaks of one
	Price         string        // of a month, such as "9.00"
	LaunchPrice   string        // likewise, while the launch offer stands; empty: there is none
	LaunchMonths  int           // it holds for so many months; 0: as long as the subscription does
	StoragePrice  string        // of a gigabyte more for a month; empty: it is not sold
	Currency      string        // the sign before a price
	Payments      bool          // false: nothing can be paid here, and there are trials alone
	Grace         time.Duration // from a failed payment, or the end of the trial, until the workspace is stopped
	Retention     time.Duration // from there until everything is destroyed
	MediaQuota    string        // in words, such as "2 GB"
	DataResidency string        // the country of the servers
	LegalApproved bool          // false: terms and privacy say that they are a draft
}

// sitePage is one page of the site.
type sitePage struct {
	path        string // as visitors see it: "/pricing" is the file pricing.html
	title       string
	description string // for search engines and those who share a link
	unlisted    bool   // not for search engines
	body        templ.Component
}

func (s Site) pages() []sitePage {
	return []sitePage{
		{
			path: "/", title: s.Brand + " – your WhatsApp number, organised",
			description: fmt.Sprintf("%s is a small CRM over your own WhatsApp number: a private inbox for work, on every screen, from %s a month.", s.Brand, s.price()),
			body:        landing(s),
		},
		{
			path: "/features", title: "Features – " + s.Brand,
			description: "An inbox for the number that your customers write to, linked by one code, with a copy of everything whenever you want it. See it in pictures.",
			body:        features(s),
		},
		{
			path: "/pricing", title: "Pricing – " + s.Brand,
			description: fmt.Sprintf("One price: %s a month for one WhatsApp number, with %s for photos and files. Cancel at any time.", s.price(), s.MediaQuota),
			body:        pricing(s),
		},
		{
			path: "/signup", title: "Get started – " + s.Brand,
			description: fmt.Sprintf("How to start with %s: create an account, scan one code with your phone, and work.", s.Brand),
			body:        signup(s),
		},
		{
			path: "/support", title: "Support – " + s.Brand,
			description: fmt.Sprintf("What to try first when something does not work in %s, and how to reach us.", s.Brand),
			body:        support(s),
		},
		{
			path: "/terms", title: "Terms – " + s.Brand,
			description: fmt.Sprintf("The terms of %s in plain words, and the risk of using WhatsApp through a client that is not WhatsApp's own.", s.Brand),
			body:        terms(s),
		},
		{
			path: "/privacy", title: "Privacy – " + s.Brand,
			description: fmt.Sprintf("What %s stores, where, for how long, who can see it, and what is left after you leave.", s.Brand),
			body:        privacy(s),
		},
		{
			path: "/404", title: "Not found – " + s.Brand, unlisted: true,
			description: "There is nothing at this address.",
			body:        notFound(s),
		},
	}
}

// price is what a month costs whoever starts now.
func (s Site) price() string {
	if s.LaunchPrice != "" {
		return s.Currency + s.LaunchPrice
	}
	return s.fullPrice()
}

func (s Site) fullPrice() string { return s.Currency + s.Price }

// afterLaunch is how long the launch price holds, and what comes then: "for as long as you stay subscribed".
func (s Site) afterLaunch() string {
	if s.LaunchMonths > 0 {
		return "for " + first(s.LaunchMonths) + ", then " + s.fullPrice() + " a month"
	}
	return "for as long as you stay subscribed"
}

// holds is the same beside the full price.
func (s Site) holds() string {
	if s.LaunchMonths > 0 {
		return "for " + first(s.LaunchMonths)
	}
	return s.afterLaunch()
}

func (s Site) storagePrice() string { return s.Currency + s.StoragePrice }

func (s Site) grace() string { return span(s.Grace) }

func (s Site) retention() string { return span(s.Retention) }

// start is what the button that leads to the sign-up is called.
func (s Site) start() string {
	if s.TrialDays > 0 {
		return "Try it free for " + counted(s.TrialDays, "day")
	}
	return "Get started"
}

// priceNote is what it costs, in a sentence beside that button.
func (s Site) priceNote() string {
	note := s.price() + " a month"
	if s.TrialDays > 0 {
		note = "No card needed. Then " + note
	}
	if s.LaunchPrice != "" {
		note += ", our launch price, instead of " + s.fullPrice()
	}
	return note + "."
}

// WriteSite makes the site's static files in dir, which may exist.
func WriteSite(ctx context.Context, dir string, site Site) error {
	if err := site.write(ctx, dir); err != nil {
		return fmt.Errorf("write site: %w", err)
	}
	return nil
}

func (s Site) write(ctx context.Context, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "assets"), 0o755); err != nil {
		return err
	}
	for _, page := range s.pages() {
		name := page.path[1:] + ".html"
		if page.path == "/" {
			name = "index.html"
		}
		if err := writePage(ctx, filepath.Join(dir, name), frame(s, page)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	sitemap, err := s.sitemap()
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"sitemap.xml": sitemap,
		"robots.txt":  []byte("User-agent: *\nAllow: /\n\nSitemap: " + s.SiteURL + "/sitemap.xml\n"),
	}
	entries, err := assets.ReadDir("assets")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := "assets/" + entry.Name()
		if files[name], err = assets.ReadFile(name); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s Site) sitemap() ([]byte, error) {
	type address struct {
		Location string `xml:"loc"`
	}
	list := struct {
		XMLName   xml.Name  `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
		Addresses []address `xml:"url"`
	}{}
	for _, page := range s.pages() {
		if !page.unlisted {
			list.Addresses = append(list.Addresses, address{s.SiteURL + page.path})
		}
	}
	content, err := xml.MarshalIndent(list, "", "  ")
	return append([]byte(xml.Header), append(content, '\n')...), err
}

func writePage(ctx context.Context, path string, page templ.Component) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := page.Render(ctx, file); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
