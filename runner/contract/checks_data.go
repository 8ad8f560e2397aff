package contract

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// phoneChecks link the simulated phone, if the image has one: everything after is asked of a
// slice that has something to lose.
var phoneChecks = []check{
	{part: "phone", promise: "links: qr, authenticated, ready", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		if b.options.Docker.WAEngine != "simulated" && !b.options.Docker.StandIn {
			return "", unasked("a phone has to scan: see the check with a real phone in slice/README.md")
		}
		err := until(ctx, b.options.LinkWithin, func(ctx context.Context) (bool, string) {
			state, err := b.refresh(ctx)
			return state == "qr", fmt.Sprint("the state is ", state, " ", err)
		})
		if err != nil {
			return "", err
		}
		if got, err := b.user(ctx, http.MethodPost, "/api/simulated/scan", nil); err != nil || got.status == http.StatusNotFound {
			return "", unasked("it has no simulated phone")
		}
		return "", until(ctx, b.options.LinkWithin, func(ctx context.Context) (bool, string) {
			state, err := b.refresh(ctx)
			return state == "ready", fmt.Sprint("the state is ", state, " ", err)
		})
	}},
	{part: "phone", promise: "POST /api/messages: 202, and the message goes on from `pending`", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		if b.state != "ready" {
			got, err := b.user(ctx, http.MethodPost, "/api/messages", map[string]string{"to": "+15550100123", "text": "hello"})
			if err != nil {
				return "", err
			}
			return "409 while no phone is linked", got.refuses(http.StatusConflict)
		}
		text := fmt.Sprintf("a check, %d", b.id)
		got, err := b.user(ctx, http.MethodPost, "/api/messages", map[string]string{"to": "+15550100123", "text": text})
		if err != nil {
			return "", err
		}
		var message struct{ ID, ChatID, Ack, Text string }
		if got.status != http.StatusAccepted || json.Unmarshal(got.body, &message) != nil || message.ID == "" || message.ChatID == "" || message.Text != text {
			return "", fmt.Errorf("answered %s, want 202 and the message", got.words())
		}
		b.chat, b.told = message.ChatID, text
		return "", until(ctx, b.options.LinkWithin, func(ctx context.Context) (bool, string) {
			ack, seen := b.ackOf(ctx, message.ID)
			return slices.Contains([]string{"sent", "delivered", "read"}, ack), seen
		})
	}},
}

// ackOf is how far an own message is.
func (b *bench) ackOf(ctx context.Context, id string) (ack, seen string) {
	got, err := b.user(ctx, http.MethodGet, "/api/chats/"+url.PathEscape(b.chat)+"/messages", nil)
	if err != nil {
		return "", err.Error()
	}
	var page struct{ Messages []struct{ ID, Ack string } }
	if err := json.Unmarshal(got.body, &page); err != nil {
		return "", got.words()
	}
	for _, message := range page.Messages {
		if message.ID == id {
			return message.Ack, "its ack is " + message.Ack
		}
	}
	return "", "the chat does not have it: " + got.words()
}

// has tells whether the message that was sent is still there.
func (b *bench) has(ctx context.Context) (bool, error) {
	got, err := b.user(ctx, http.MethodGet, "/api/chats/"+url.PathEscape(b.chat)+"/messages", nil)
	return err == nil && strings.Contains(string(got.body), b.told), err
}

var dataChecks = []check{
	{part: "data", promise: "GET /api/export: a ZIP of messages, contacts and media", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		got, err := b.user(ctx, http.MethodGet, "/api/export", nil)
		if err != nil {
			return "", err
		}
		return b.archive(got, true)
	}},
	{part: "data", promise: "GET /export on port 4002: the same ZIP", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		got, err := b.onPlatform(ctx, http.MethodGet, "/export", nil)
		if err != nil {
			return "", err
		}
		if got.status == http.StatusNotFound {
			return "", errLacks{"there is none, so the platform asks on 4001"}
		}
		return b.archive(got, true)
	}},
	{part: "data", promise: "has two connections to Postgres at most, and closes them when idle", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		busy, stop := context.WithCancel(ctx)
		defer stop()
		for range 8 {
			go func() {
				for busy.Err() == nil {
					_, _ = b.user(busy, http.MethodGet, "/api/chats", nil)
				}
			}()
		}
		most, err := b.connections(ctx)
		for end := time.Now().Add(2 * time.Second); err == nil && time.Now().Before(end); {
			var now int
			now, err = b.connections(ctx)
			most = max(most, now)
		}
		stop()
		if err != nil {
			return "", err
		}
		if most > 2 {
			return "", fmt.Errorf("has %d: 200 slices of that would be too many for Postgres", most)
		}
		if err := b.quiet(ctx); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d, then none", most), until(ctx, b.options.IdleWithin, func(ctx context.Context) (bool, string) {
			now, err := b.connections(ctx)
			return err == nil && now == 0, fmt.Sprintf("still has %d without use %v", now, err)
		})
	}},
	{part: "data", promise: "its log holds neither its password nor what people write", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		address, err := url.Parse(b.spec.DatabaseURL)
		if err != nil {
			return "", err
		}
		password, _ := address.User.Password()
		log, err := b.log(ctx)
		switch {
		case err != nil:
			return "", err
		case bytes.Contains(log, []byte(password)):
			return "", errors.New("the database's password is in it")
		case b.told != "" && bytes.Contains(log, []byte(b.told)):
			return "", errors.New("the text of a message is in it")
		}
		return fmt.Sprintf("%d bytes", len(log)), nil
	}},
}

// archive checks a ZIP of everything; told: the message that was sent is in it.
func (b *bench) archive(got answer, told bool) (seen string, err error) {
	if got.status != http.StatusOK {
		return "", fmt.Errorf("answered %s", got.words())
	}
	archive, err := zip.NewReader(bytes.NewReader(got.body), int64(len(got.body)))
	if err != nil {
		return "", fmt.Errorf("%d bytes that are no ZIP: %w", len(got.body), err)
	}
	contents := map[string][]byte{}
	for _, file := range archive.File {
		if contents[file.Name], err = unpack(file); err != nil {
			return "", fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	for _, name := range []string{"messages.json", "messages.csv", "contacts.csv", "contacts.vcf"} {
		if _, ok := contents[name]; !ok {
			return "", fmt.Errorf("%s is not in it", name)
		}
	}
	if !json.Valid(contents["messages.json"]) {
		return "", errors.New("messages.json is no JSON")
	}
	for _, name := range []string{"messages.json", "messages.csv"} {
		if told && b.told != "" && !bytes.Contains(contents[name], []byte(b.told)) {
			return "", fmt.Errorf("%s lacks the message that was sent", name)
		}
	}
	return fmt.Sprintf("%d files", len(contents)), nil
}

// quiet stops what a simulated phone does by itself, which needs the database.
func (b *bench) quiet(ctx context.Context) error {
	if b.state != "ready" || b.options.Docker.WAEngine != "simulated" {
		return nil
	}
	_, err := b.user(ctx, http.MethodPut, "/api/simulated/rate", map[string]int{"perMinute": 0})
	return err
}

var destroyChecks = []check{
	{part: "data", promise: `DELETE /api/data asks for the word, then destroys everything`, needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		got, err := b.user(ctx, http.MethodDelete, "/api/data", map[string]string{"confirm": "perhaps"})
		if err != nil {
			return "", err
		}
		if err := got.refuses(http.StatusBadRequest, http.StatusUnprocessableEntity); err != nil {
			return "", fmt.Errorf("without the word: %w", err)
		}
		if b.told != "" {
			if there, err := b.has(ctx); err != nil || !there {
				return "", fmt.Errorf("without the word the data is gone all the same (%v)", err)
			}
		}
		got, err = b.user(ctx, http.MethodDelete, "/api/data", map[string]string{"confirm": "DELETE"})
		if err != nil {
			return "", err
		}
		if got.status/100 != 2 {
			return "", fmt.Errorf("answered %s", got.words())
		}
		if there, err := b.has(ctx); b.told != "" && (err != nil || there) {
			return "", fmt.Errorf("the message is still there (%v)", err)
		}
		if state, err := b.refresh(ctx); err != nil || state == "ready" {
			return "", fmt.Errorf("the phone is still linked: %s %v", state, err)
		}
		return "", nil
	}},
}

func unpack(file *zip.File) ([]byte, error) {
	reader, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	return io.ReadAll(io.LimitReader(reader, 16<<20))
}
