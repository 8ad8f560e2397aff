// Package post takes mails to where they leave: Resend, a mail server, or a folder. What a mail says and
// who gets it is decided elsewhere. Its errors name no address, no key and nothing of a mail's text, so
// that they can be stored and logged.
package post

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"time"

	"slicegate/config"
)

// Letter is one mail on its way.
type Letter struct {
	Key     string   // the same at each try, and no other letter's: whoever can, sends it once
	From    string   // "Slicegate <mail@example.com>"
	To      []string // all of them get it, or none does
	Subject string
	HTML    string
	Text    string
}

// Post sends letters.
type Post interface {
	// Send gives the id that Fate knows the letter by; it may be empty. Its error is a
	// *TemporaryError or a *RefusedError.
	Send(ctx context.Context, letter Letter) (id string, err error)
	// Fate tells what has become of a letter since. Its error is a *TemporaryError.
	Fate(ctx context.Context, id string) (Fate, error)
}

// Fate is what has become of a letter.
type Fate string

// What can become of a letter.
const (
	Pending    Fate = "pending" // it is on its way: ask again later
	Delivered  Fate = "delivered"
	Bounced    Fate = "bounced"    // the address does not take it
	Complained Fate = "complained" // whoever got it calls it spam
	Failed     Fate = "failed"     // it did not leave, and not for the address's sake
	Unknown    Fate = "unknown"    // nobody can tell, now or later
)

// TemporaryError is a failure that another try may mend. It is also what the installation is to blame
// for and not the letter, such as a wrong API key: letters wait until that is put right.
type TemporaryError struct {
	Err   error
	After time.Duration // to wait before the next try, as the other side asked; 0: it did not
}

func (e *TemporaryError) Error() string { return e.Err.Error() }
func (e *TemporaryError) Unwrap() error { return e.Err }

// RefusedError is a letter that never will be taken.
type RefusedError struct {
	Err     error
	Bounced bool // because of an address that it goes to
}

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

func temporary(format string, args ...any) error {
	return &TemporaryError{Err: fmt.Errorf(format, args...)}
}

func refused(format string, args ...any) error {
	return &RefusedError{Err: fmt.Errorf(format, args...)}
}

// New gives the post that the settings name.
func New(settings config.Mail, now func() time.Time) (Post, error) {
	switch settings.By {
	case "resend":
		return NewResend(settings.ResendURL, settings.ResendKey)
	case "smtp":
		return NewSMTP(settings.SMTP)
	case "file":
		return &Folder{Dir: settings.Dir, Now: now}, nil
	}
	return nil, fmt.Errorf("there is no post by the name of %q", settings.By)
}

// keyForm is what a key may look like: it becomes a file's name and a part of a message id.
var keyForm = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// check refuses what no post can take.
func (l Letter) check() error {
	if len(l.Key) > 100 || !keyForm.MatchString(l.Key) {
		return refused("the key of a letter is 1 to 100 letters, digits, dashes, underscores and single dots")
	}
	if _, err := mail.ParseAddress(l.From); err != nil {
		return &TemporaryError{Err: errors.New("the sender is no address: look at MAIL_FROM")}
	}
	if len(l.To) == 0 {
		return refused("the letter goes to nobody")
	}
	for _, to := range l.To {
		if _, err := mail.ParseAddress(to); err != nil {
			return &RefusedError{Err: errors.New("it goes to what is no address"), Bounced: true}
		}
	}
	return nil
}
