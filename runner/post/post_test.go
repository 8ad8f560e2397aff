package post_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"slicegate/config"
	"slicegate/runner/post"
)

func letter() post.Letter {
	return post.Letter{
		Key: "email-12", From: "Slicegate <mail@example.com>", To: []string{"ann@example.org"},
		Subject: "Your WhatsApp is disconnected – läuft", HTML: "<p>Your WhatsApp is <b>disconnected</b>: ü</p>", Text: "Your WhatsApp is disconnected: ü\n",
	}
}

// temporary fails unless the error is one that another try may mend.
func temporary(t *testing.T, err error) *post.TemporaryError {
	t.Helper()
	var again *post.TemporaryError
	if !errors.As(err, &again) {
		t.Fatalf("another try may not mend it: %v", err)
	}
	discreet(t, err)
	return again
}

// refused fails unless the letter will never be taken.
func refused(t *testing.T, err error) *post.RefusedError {
	t.Helper()
	var never *post.RefusedError
	if !errors.As(err, &never) {
		t.Fatalf("it is not refused: %v", err)
	}
	discreet(t, err)
	return never
}

// discreet fails if an error says who gets the letter, what it says, or how the post is opened.
func discreet(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"ann@", "ann at", "example.org", "disconnected", "re_key", "hunter2", "postman"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error says %q: %v", secret, err)
		}
	}
}

func TestTheSettingsNameThePost(t *testing.T) {
	for by, settings := range map[string]config.Mail{
		"file":   {By: "file", Dir: t.TempDir()},
		"resend": {By: "resend", ResendURL: "https://api.resend.com/", ResendKey: "re_key"},
		"smtp":   {By: "smtp", SMTP: "smtps://postman:hunter2@mail.example.com"},
	} {
		if got, err := post.New(settings, time.Now); err != nil || got == nil {
			t.Errorf("%s: %v", by, err)
		}
	}
	for name, settings := range map[string]config.Mail{
		"a pigeon":      {By: "pigeon"},
		"no API":        {By: "resend", ResendURL: "nowhere", ResendKey: "re_key"},
		"no server":     {By: "smtp", SMTP: "postman:hunter2"},
		"a wrong port":  {By: "smtp", SMTP: "smtp://postman:hunter2@mail.example.com:99999"},
		"another thing": {By: "smtp", SMTP: "http://postman:hunter2@mail.example.com"},
	} {
		if _, err := post.New(settings, time.Now); err == nil {
			t.Errorf("%s is a post", name)
		} else {
			discreet(t, err)
		}
	}
}

func TestLettersThatNoPostTakes(t *testing.T) {
	posts := map[string]post.Post{"folder": &post.Folder{Dir: t.TempDir(), Now: time.Now}}
	for by, settings := range map[string]config.Mail{
		"resend": {By: "resend", ResendURL: "https://resend.invalid/", ResendKey: "re_key"},
		"smtp":   {By: "smtp", SMTP: "smtp://smtp.invalid"},
	} {
		made, err := post.New(settings, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		posts[by] = made
	}
	for name, sender := range posts {
		for _, key := range []string{"", "../passwd", "a/b", ".hidden", "a..b", "a b", "a\r\nBcc: x", strings.Repeat("k", 101)} {
			wrong := letter()
			wrong.Key = key
			_, err := sender.Send(t.Context(), wrong)
			if refused(t, err).Bounced {
				t.Errorf("%s: the key %q is the address's fault", name, key)
			}
		}
		nobody := letter()
		nobody.To = nil
		_, err := sender.Send(t.Context(), nobody)
		refused(t, err)

		unreal := letter()
		unreal.To = []string{"ann at example.org"}
		_, err = sender.Send(t.Context(), unreal)
		if !refused(t, err).Bounced {
			t.Errorf("%s: what is no address is not the address's fault", name)
		}

		unsigned := letter()
		unsigned.From = "ann"
		_, err = sender.Send(t.Context(), unsigned)
		temporary(t, err)
	}
}
