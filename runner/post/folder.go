package post

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"slicegate/views"
)

// Folder keeps each letter as KEY.json and KEY.html in a folder, with a page of all, for development and
// tests: nobody gets a mail.
type Folder struct {
	Dir string // made if it is not there
	Now func() time.Time
}

// filed is a letter in the folder.
type filed struct {
	To      []string  `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	At      time.Time `json:"at"`
}

// Send files a letter; one whose key is there already is left as it is.
func (f *Folder) Send(ctx context.Context, letter Letter) (string, error) {
	if err := letter.check(); err != nil {
		return "", err
	}
	if letter.Key == "index" {
		return "", refused("a letter with the key index would be the folder's own page")
	}
	if err := f.file(ctx, letter); err != nil {
		return "", temporary("file a letter: %w", err)
	}
	return letter.Key, nil
}

// Fate is delivered, of what is there.
func (f *Folder) Fate(_ context.Context, id string) (Fate, error) {
	if !keyForm.MatchString(id) {
		return Unknown, nil
	}
	_, err := os.Stat(filepath.Join(f.Dir, id+".json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Unknown, nil
	case err != nil:
		return "", temporary("look for a letter: %w", err)
	}
	return Delivered, nil
}

func (f *Folder) file(ctx context.Context, letter Letter) error {
	if err := f.makeDir(); err != nil {
		return err
	}
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(f.Dir, letter.Key+".json")); errors.Is(err, fs.ErrNotExist) {
		content, err := json.MarshalIndent(filed{To: letter.To, Subject: letter.Subject, Text: letter.Text, HTML: letter.HTML, At: f.Now().UTC()}, "", "  ")
		if err != nil {
			return err
		}
		// The JSON comes last: with it, the letter is there.
		if err := f.write(letter.Key+".html", []byte(letter.HTML)); err != nil {
			return err
		}
		if err := f.write(letter.Key+".json", content); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return f.writeIndex(ctx)
}

// makeDir makes the folder, if it is not there, so that a web server may read it.
func (f *Folder) makeDir() error {
	if _, err := os.Stat(f.Dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(f.Dir, 0o755)
}

// lock keeps two writers from making the page of all at the same time, each without the other's letter.
func (f *Folder) lock() (unlock func(), err error) {
	dir, err := os.Open(f.Dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return func() { _ = dir.Close() }, nil
}

// write puts a whole file in its place, which a web server may read.
func (f *Folder) write(name string, content []byte) error {
	file, err := os.CreateTemp(f.Dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(f.Dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// writeIndex makes the page of all letters, the newest first.
func (f *Folder) writeIndex(ctx context.Context) error {
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		return err
	}
	var all []views.Filed
	for _, entry := range entries {
		key, is := strings.CutSuffix(entry.Name(), ".json")
		if !is {
			continue
		}
		content, err := os.ReadFile(filepath.Join(f.Dir, entry.Name()))
		if err != nil {
			return err
		}
		var one filed
		if err := json.Unmarshal(content, &one); err != nil {
			return fmt.Errorf("%s: %w", entry.Name(), err)
		}
		all = append(all, views.Filed{Key: key, To: strings.Join(one.To, ", "), Subject: one.Subject, At: one.At})
	}
	slices.SortStableFunc(all, func(a, b views.Filed) int { return b.At.Compare(a.At) })
	var page strings.Builder
	if err := views.MailFolder(all).Render(ctx, &page); err != nil {
		return err
	}
	return f.write("index.html", []byte(page.String()))
}
