// Package views holds what people see that is not the app: the marketing site and the mails,
// later the admin pages, as templ components. They get values and give HTML; they ask nobody.
package views

//go:generate go run github.com/a-h/templ/cmd/templ@v0.3.977 generate

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"

	"github.com/a-h/templ"
)

//go:embed assets
var assets embed.FS

// Site is what the pages of the marketing site say about this installation.
type Site struct {
	Brand        string
	AppURL       string // of the app, without a slash at the end
	SiteURL      string
	ContactEmail string // shown if not empty
	TrialDays    int
}

// WriteSite makes the site's static files in dir, which may exist.
func WriteSite(ctx context.Context, dir string, site Site) error {
	pages := map[string]templ.Component{"index.html": landing(site), "404.html": notFound(site)}
	if err := os.MkdirAll(filepath.Join(dir, "assets"), 0o755); err != nil {
		return fmt.Errorf("write site: %w", err)
	}
	for name, page := range pages {
		if err := writePage(ctx, filepath.Join(dir, name), page); err != nil {
			return fmt.Errorf("write site: %s: %w", name, err)
		}
	}
	entries, err := assets.ReadDir("assets")
	if err != nil {
		return fmt.Errorf("write site: %w", err)
	}
	for _, entry := range entries {
		content, err := assets.ReadFile("assets/" + entry.Name())
		if err != nil {
			return fmt.Errorf("write site: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "assets", entry.Name()), content, 0o644); err != nil {
			return fmt.Errorf("write site: %w", err)
		}
	}
	return nil
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
