package post

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/resend/resend-go/v3"
)

// Resend sends by the API of resend.com.
type Resend struct{ client *resend.Client }

const (
	resendWithin = 15 * time.Second
	// longestWait is the most that an answer can ask for: a daily quota is free again after it.
	longestWait = 24 * time.Hour
)

// NewResend sends by the API at that address, https://api.resend.com/ for Resend's own.
func NewResend(address, key string) (*Resend, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("%q is no address of an API", address)
	}
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	client := resend.NewCustomClient(&http.Client{Timeout: resendWithin, Transport: answering{http.DefaultTransport}}, key)
	client.BaseURL = base
	return &Resend{client: client}, nil
}

// Send hands a letter over, at each try with its key: what Resend has it sends once, within a day.
func (r *Resend) Send(ctx context.Context, letter Letter) (string, error) {
	if err := letter.check(); err != nil {
		return "", err
	}
	sent, err := r.client.Emails.SendWithOptions(ctx, &resend.SendEmailRequest{
		From: letter.From, To: letter.To, Subject: letter.Subject, Html: letter.HTML, Text: letter.Text,
		Headers: map[string]string{"Auto-Submitted": "auto-generated"},
	}, &resend.SendEmailOptions{IdempotencyKey: letter.Key})
	var refusal *answer
	switch {
	case err == nil && sent.Id == "":
		return "", temporary("Resend has answered without an id")
	case err == nil:
		return sent.Id, nil
	case errors.As(err, &refusal):
		return "", refusal.toLetter()
	}
	return "", &TemporaryError{Err: unanswered(err)}
}

// Fate asks what Resend knows of a letter last.
func (r *Resend) Fate(ctx context.Context, id string) (Fate, error) {
	if id == "" {
		return Unknown, nil
	}
	email, err := r.client.Emails.GetWithContext(ctx, url.PathEscape(id))
	var refusal *answer
	if errors.As(err, &refusal) {
		// A key that may send and nothing else is a good key.
		if refusal.status == http.StatusNotFound || refusal.name == "restricted_api_key" {
			return Unknown, nil
		}
		return "", refusal.temporary()
	}
	if err != nil {
		return "", &TemporaryError{Err: unanswered(err)}
	}
	switch email.LastEvent {
	case "delivered", "opened", "clicked":
		return Delivered, nil
	case "bounced", "suppressed": // suppressed: it bounced before
		return Bounced, nil
	case "complained":
		return Complained, nil
	case "failed", "canceled":
		return Failed, nil
	}
	return Pending, nil
}

// answering turns whatever is not success into an *answer: of most of them, the library keeps a sentence alone.
// A redirect is none either: the key goes to this address and no other.
type answering struct{ http.RoundTripper }

// RoundTrip asks.
func (a answering) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := a.RoundTripper.RoundTrip(request)
	if err != nil || response.StatusCode >= 200 && response.StatusCode < 300 {
		return response, err
	}
	defer func() { _ = response.Body.Close() }()
	refusal := &answer{status: response.StatusCode, after: retryAfter(response.Header.Get("Retry-After"))}
	var said struct{ Name string }
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err == nil && json.Unmarshal(body, &said) == nil && errorName.MatchString(said.Name) {
		refusal.name = said.Name
	}
	return nil, refusal
}

// errorName is Resend's word for an error. What comes beside it is a sentence, which may have an address in it.
var errorName = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// answer is one that is not success.
type answer struct {
	status int
	name   string // "validation_error"; empty: it had none
	after  time.Duration
}

func (a *answer) Error() string {
	if a.name == "" {
		return fmt.Sprintf("Resend has answered with status %d", a.status)
	}
	return fmt.Sprintf("Resend has answered with status %d, %s", a.status, a.name)
}

func (a *answer) temporary() error { return &TemporaryError{Err: a, After: a.after} }

// toLetter is what the answer means for the letter: nil where it is on its way already.
func (a *answer) toLetter() error {
	switch {
	case a.status == http.StatusConflict && a.name == "invalid_idempotent_request":
		// A letter with this key was taken before; what it said has been written differently since.
		return nil
	case a.name == "invalid_from_address":
		return a.temporary()
	case a.status == http.StatusBadRequest, a.status == http.StatusUnprocessableEntity, a.status == http.StatusRequestEntityTooLarge:
		return &RefusedError{Err: a}
	}
	// Too many, an outage, the same letter under way; and what is wrong with the key, the domain or the
	// address of the API, which is not the letter's fault.
	return a.temporary()
}

// unanswered is why there was no answer. The library's errors quote what it sent nowhere, and the client's
// have the address of the API alone.
func unanswered(err error) error { return fmt.Errorf("Resend did not answer: %w", err) }

// retryAfter reads seconds or a date; 0 if there is neither.
func retryAfter(value string) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.Atoi(value); err == nil {
		wait = time.Duration(min(seconds, int(longestWait/time.Second))) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = time.Until(date)
	}
	return min(max(wait, 0), longestWait)
}
