package post_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"slicegate/runner/post"
)

func TestAFolderKeepsALetter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "mails")
	now := time.Date(2026, 11, 27, 9, 12, 0, 0, time.UTC)
	folder := &post.Folder{Dir: dir, Now: func() time.Time { return now }}
	id, err := folder.Send(t.Context(), letter())
	if err != nil || id != "email-12" {
		t.Fatalf("id %q: %v", id, err)
	}

	// The same key again is the same letter.
	reworded := letter()
	reworded.Subject = "reworded"
	now = now.Add(time.Hour)
	if _, err := folder.Send(t.Context(), reworded); err != nil {
		t.Fatal(err)
	}

	content, err := os.ReadFile(filepath.Join(dir, "email-12.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		To                  []string
		Subject, Text, HTML string
		At                  time.Time
	}
	if err := json.Unmarshal(content, &got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.To, letter().To) || got.Subject != letter().Subject || got.Text != letter().Text || got.HTML != letter().HTML || !got.At.Equal(now.Add(-time.Hour)) {
		t.Errorf("it keeps %+v", got)
	}
	html, err := os.ReadFile(filepath.Join(dir, "email-12.html"))
	if err != nil || string(html) != letter().HTML {
		t.Errorf("the HTML is %q (%v)", html, err)
	}

	for name, want := range map[string]os.FileMode{"": 0o755, "email-12.json": 0o644, "email-12.html": 0o644, "index.html": 0o644} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%q may be read by %v (%v)", name, info.Mode(), err)
		}
	}
	if fate, err := folder.Fate(t.Context(), id); err != nil || fate != post.Delivered {
		t.Errorf("its fate is %q (%v)", fate, err)
	}
	for _, id := range []string{"email-13", "../email-12", ""} {
		if fate, err := folder.Fate(t.Context(), id); err != nil || fate != post.Unknown {
			t.Errorf("the fate of %q is %q (%v)", id, fate, err)
		}
	}
}

func TestAFolderListsTheNewestFirst(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 27, 9, 12, 0, 0, time.UTC)
	folder := &post.Folder{Dir: dir, Now: func() time.Time { now = now.Add(time.Minute); return now }}
	for n, subject := range []string{"first", "<script>alert(1)</script>", "third"} {
		one := letter()
		one.Key, one.Subject = fmt.Sprint("email-", 9-n), subject
		if _, err := folder.Send(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
	}
	file, err := os.Open(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	page, err := goquery.NewDocumentFromReader(file)
	if err != nil {
		t.Fatal(err)
	}
	rows := page.Find("li > a").Map(func(_ int, link *goquery.Selection) string { return link.AttrOr("href", "") + " " + link.Text() })
	if want := []string{"./email-7.html third", "./email-8.html <script>alert(1)</script>", "./email-9.html first"}; !slices.Equal(rows, want) {
		t.Errorf("it lists %q, want %q", rows, want)
	}
	if page.Find("script").Length() > 0 || !strings.Contains(page.Find("li small").First().Text(), "ann@example.org, 2026-11-27 09:17:00 UTC") {
		t.Errorf("the page says %q", page.Find("li").First().Text())
	}
}

func TestAFolderOfSeveralWriters(t *testing.T) {
	dir := t.TempDir()
	var writers sync.WaitGroup
	for n := range 20 {
		writers.Go(func() {
			one := letter()
			one.Key = fmt.Sprint("email-", n)
			if _, err := (&post.Folder{Dir: dir, Now: time.Now}).Send(t.Context(), one); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	index, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(index), "<li>"); n != 20 {
		t.Errorf("it lists %d of 20 letters", n)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v (%v)", left, err)
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := (&post.Folder{Dir: file, Now: time.Now}).Send(t.Context(), letter())
	temporary(t, err)
	index := letter()
	index.Key = "index"
	_, err = (&post.Folder{Dir: t.TempDir(), Now: time.Now}).Send(t.Context(), index)
	refused(t, err)
}
