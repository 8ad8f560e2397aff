package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"slicegate/functions/session"
)

// customer is one person with one account at a time, who comes in through nginx alone.
type customer struct {
	number int
	random *rand.Rand
	appURL string // http://app.localhost:PORT
	http   *http.Client
	ledger *ledger

	account int    // counts the accounts they have had
	cookie  string // "" while they have none
	unsure  bool   // they asked for an account and the connection broke before the answer
	slice   int64  // as they were last told; 0: none
	status  string // of the slice
	waits   bool   // for a slice
	written []string
}

// Everybody writes to the same person: whose messages are whose is told by the slice.
const (
	recipient   = "15550100001@c.us"
	mostWritten = 80 // messages of one account; all of them are read back after each fault
)

const password = "a password of ten"

func (c *customer) email() string { return fmt.Sprintf("c%d-%d@chaos.test", c.number, c.account) }

// act does one thing that a person does. Errors are expected while something is down: what counts
// is what holds afterwards.
func (c *customer) act(ctx context.Context) {
	switch {
	case c.cookie == "" && c.unsure:
		c.logIn(ctx)
	case c.cookie == "":
		c.register(ctx)
	case c.lookAround(ctx) != nil:
	case c.slice == 0 && !c.waits:
		c.leave() // a destruction of which it was not known whether it had been ordered
	case c.status == "suspended" && c.random.IntN(4) == 0:
		c.order(ctx, "resume")
	case c.status != "assigned":
	default:
		c.use(ctx)
	}
}

func (c *customer) use(ctx context.Context) {
	switch draw := c.random.IntN(100); {
	case draw < 2:
		if c.order(ctx, "destroy") {
			c.leave()
		}
	case draw < 5:
		c.order(ctx, "suspend")
	case draw < 8:
		c.order(ctx, "recycle")
	default:
		c.write(ctx)
	}
}

// leave is the end of an account; the next act registers another one.
func (c *customer) leave() {
	c.account++
	c.cookie, c.unsure, c.slice, c.status, c.written = "", false, 0, "", nil
}

func (c *customer) register(ctx context.Context) { c.enter(ctx, "/auth/register", http.StatusCreated) }
func (c *customer) logIn(ctx context.Context)    { c.enter(ctx, "/auth/login", http.StatusOK) }

func (c *customer) enter(ctx context.Context, path string, want int) {
	var me me
	status, err := c.ask(ctx, http.MethodPost, path, map[string]string{"email": c.email(), "password": password}, &me)
	switch {
	case err == nil && status == want:
		c.unsure = false
		c.told(me)
	case err == nil && status == http.StatusUnauthorized:
		c.unsure = false // there is no such account: the request never took effect
	case err != nil || status >= 500 || status == http.StatusConflict:
		c.unsure = true
	}
}

// me is what the functions say of an account.
type me struct {
	Slice *struct {
		ID     int64  `json:"id"`
		Status string `json:"status"`
	} `json:"slice"`
	Waiting *struct{} `json:"waiting"`
}

func (c *customer) told(me me) {
	c.slice, c.status, c.waits = 0, "", me.Waiting != nil
	if me.Slice != nil {
		c.slice, c.status = me.Slice.ID, me.Slice.Status
	}
}

func (c *customer) lookAround(ctx context.Context) error {
	var me me
	status, err := c.ask(ctx, http.MethodGet, "/auth/me", nil, &me)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("/auth/me answered %d", status)
	}
	if err == nil {
		c.told(me)
	}
	return err
}

// write links the phone where that has not been done, and writes a message.
func (c *customer) write(ctx context.Context) {
	var now struct {
		State string `json:"state"`
	}
	if status, err := c.ask(ctx, http.MethodGet, "/api/status", nil, &now); err != nil || status != http.StatusOK {
		return
	}
	switch {
	case now.State == "qr":
		_, _ = c.ask(ctx, http.MethodPost, "/api/simulated/scan", nil, nil)
	case now.State == "ready" && len(c.written) < mostWritten:
		text := fmt.Sprintf("%s writes number %d, %x", c.email(), len(c.written), c.random.Uint64())
		if status, err := c.ask(ctx, http.MethodPost, "/api/messages", map[string]string{"to": recipient, "text": text}, nil); err == nil && status == http.StatusAccepted {
			c.written = append(c.written, text)
		}
	}
}

// order has the account's slice told something, as an operator does, and says whether it surely was.
func (c *customer) order(ctx context.Context, name string) bool {
	return c.slice != 0 && c.ledger.give(ctx, c.slice, name) == nil
}

// finds says what is not as the customer left it: their slice answers through nginx, and has what
// they wrote. "" is as it should be.
func (c *customer) finds(ctx context.Context, w world) string {
	if c.cookie == "" {
		return ""
	}
	if err := c.lookAround(ctx); err != nil {
		return fmt.Sprintf("%s: %v", c.email(), err)
	}
	row, known := w.row(c.slice)
	if c.slice == 0 || !known || row.status != "assigned" {
		return ""
	}
	var page struct {
		Messages []struct {
			Text   string `json:"text"`
			FromMe bool   `json:"fromMe"` // the others are the simulated person's answers
		} `json:"messages"`
	}
	status, err := c.ask(ctx, http.MethodGet, "/api/chats/"+recipient+"/messages?limit=200", nil, &page)
	switch {
	case err != nil:
		return fmt.Sprintf("%s: slice %d through nginx: %v", c.email(), c.slice, err)
	case status == http.StatusNotFound && len(c.written) == 0:
		return ""
	case status != http.StatusOK:
		return fmt.Sprintf("%s: slice %d through nginx answered %d", c.email(), c.slice, status)
	}
	there := map[string]bool{}
	for _, message := range page.Messages {
		there[message.Text] = true
		if message.FromMe && !strings.HasPrefix(message.Text, c.email()+" ") {
			return fmt.Sprintf("%s finds somebody else's message in slice %d: %s", c.email(), c.slice, message.Text)
		}
	}
	for _, text := range c.written {
		if !there[text] {
			return fmt.Sprintf("%s has lost a message in slice %d: %s", c.email(), c.slice, text)
		}
	}
	return ""
}

// ask sends one request as a browser would; into may be nil.
func (c *customer) ask(ctx context.Context, method, path string, body, into any) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	encoded, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	if body == nil {
		encoded = nil
	}
	request, err := http.NewRequestWithContext(ctx, method, c.appURL+path, bytes.NewReader(encoded))
	if err != nil {
		return 0, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.cookie != "" {
		request.Header.Set("Cookie", session.CookieName+"="+c.cookie)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	for _, cookie := range answer.Cookies() {
		if cookie.Name == session.CookieName {
			c.cookie = cookie.Value
		}
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return answer.StatusCode, err
	}
	if into != nil && answer.StatusCode < 300 {
		if err := json.Unmarshal(content, into); err != nil {
			return answer.StatusCode, errors.Join(err, fmt.Errorf("%s answered %.200q", path, content))
		}
	}
	return answer.StatusCode, nil
}
