package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

var startChecks = []check{
	{part: "image", promise: "is here", ask: func(ctx context.Context, b *bench) (string, error) {
		image, err := b.api.ImageInspect(ctx, b.options.Image)
		if err != nil {
			return "", fmt.Errorf("%w; build, pull or load it first", err)
		}
		return fmt.Sprintf("%d MB", image.Size/1_000_000), nil
	}},
	{part: "start", promise: "runs as any user id, on a read-only root, without capabilities", ask: func(ctx context.Context, b *bench) (string, error) {
		running, err := b.engine.Run(ctx, b.spec)
		if err != nil {
			return "", err
		}
		b.running = running
		return fmt.Sprintf("as user %d", b.spec.Owner), nil
	}},
	{part: "start", promise: "answers on port 4001 within 60 s", ask: func(ctx context.Context, b *bench) (string, error) {
		if b.running.Address == "" {
			return "", unasked("it does not run")
		}
		began := time.Now()
		if err := b.awaitAnswer(ctx); err != nil {
			return "", err
		}
		return fmt.Sprintf("after %.1f s", time.Since(began).Seconds()), nil
	}},
}

// awaitAnswer waits for port 4001.
func (b *bench) awaitAnswer(ctx context.Context) error {
	var stopped error
	err := until(ctx, b.options.AnswerWithin, func(ctx context.Context) (bool, string) {
		if _, up, err := b.engine.Find(ctx, b.id); err == nil && !up {
			stopped = fmt.Errorf("it stopped; its last words: %s", b.engine.LastWords(ctx, b.id))
			return true, ""
		}
		_, err := b.user(ctx, http.MethodGet, "/api/status", nil)
		if err != nil {
			return false, err.Error()
		}
		return true, ""
	})
	err = errors.Join(err, stopped)
	b.answers = err == nil
	b.answered = b.answered || b.answers
	return err
}

var userChecks = []check{
	{part: "user port", promise: "GET /api/status: {state, phoneNumber, uptime, lastEventAt}", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		state, err := b.refresh(ctx)
		return "state " + state, err
	}},
	{part: "user port", promise: "GET /api/status/state: the state alone, as text", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		var last error
		// The state may change between the two questions.
		for range 3 {
			state, err := b.refresh(ctx)
			if err != nil {
				return "", unasked("there is no status to compare it with")
			}
			got, err := b.user(ctx, http.MethodGet, "/api/status/state", nil)
			if err != nil {
				return "", err
			}
			if got.status == http.StatusOK && strings.TrimSpace(string(got.body)) == state {
				return "", nil
			}
			last = fmt.Errorf("answered %s, want 200 %q", got.words(), state)
		}
		return "", last
	}},
	{part: "user port", promise: `refuses in words: {"error": "a sentence"}`, needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		got, err := b.user(ctx, http.MethodGet, "/api/no-such-thing", nil)
		if err != nil {
			return "", err
		}
		if err := got.refuses(http.StatusNotFound); err != nil {
			return "", fmt.Errorf("GET /api/no-such-thing: %w", err)
		}
		got, err = b.user(ctx, http.MethodPost, "/api/messages", map[string]int{"to": 1})
		if err != nil {
			return "", err
		}
		if err := got.refuses(http.StatusBadRequest, http.StatusUnprocessableEntity); err != nil {
			return "", fmt.Errorf("POST /api/messages with nonsense: %w", err)
		}
		return "", nil
	}},
	{part: "user port", promise: "has nothing of the platform's port", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		for _, path := range []string{"/status", "/metrics"} {
			got, err := b.user(ctx, http.MethodGet, path, nil)
			if err != nil {
				return "", err
			}
			if got.status < 400 {
				return "", fmt.Errorf("a user may GET %s: %s", path, got.words())
			}
		}
		got, err := b.user(ctx, http.MethodPut, "/quota", map[string]bool{"mediaBlocked": true})
		if err == nil && got.status < 400 {
			err = fmt.Errorf("a user may PUT /quota: %s", got.words())
		}
		if err != nil {
			return "", err
		}
		got, err = b.user(ctx, http.MethodPost, "/probe", nil)
		if err == nil && got.status < 400 {
			err = fmt.Errorf("a user may POST /probe: %s", got.words())
		}
		return "", err
	}},
}

var eventChecks = []check{
	{part: "events", promise: "Socket.IO v4 on port 4001, by WebSocket too; `status` comes first", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		open, err := b.user(ctx, http.MethodGet, "/socket.io/?EIO=4&transport=polling", nil)
		if err != nil {
			return "", err
		}
		var session struct {
			SID          string
			Upgrades     []string
			PingInterval int
		}
		encoded, isOpen := strings.CutPrefix(string(open.body), "0")
		if open.status != http.StatusOK || !isOpen || json.Unmarshal([]byte(encoded), &session) != nil || session.SID == "" {
			return "", fmt.Errorf("the handshake answered %s", open.words())
		}
		if !strings.Contains(strings.Join(session.Upgrades, " "), "websocket") {
			return "", fmt.Errorf("offers no WebSocket: %s", open.words())
		}
		polling := "/socket.io/?EIO=4&transport=polling&sid=" + session.SID
		connected, err := b.raw(ctx, polling, "40")
		if err != nil {
			return "", err
		}
		if connected.status != http.StatusOK {
			return "", fmt.Errorf("connecting was answered %s", connected.words())
		}
		got, err := b.user(ctx, http.MethodGet, polling, nil)
		for err == nil && !strings.Contains(string(got.body), "42[") {
			if !strings.HasPrefix(string(got.body), "40") {
				return "", fmt.Errorf("connecting was answered %s", got.words())
			}
			got, err = b.user(ctx, http.MethodGet, polling, nil)
		}
		if err != nil {
			return "", fmt.Errorf("no event came: %w", err)
		}
		for packet := range strings.SplitSeq(string(got.body), "\x1e") {
			event, isEvent := strings.CutPrefix(packet, "42")
			if !isEvent {
				continue
			}
			var parts []json.RawMessage
			var name string
			if json.Unmarshal([]byte(event), &parts) != nil || len(parts) != 2 || json.Unmarshal(parts[0], &name) != nil || name != "status" {
				return "", fmt.Errorf("the first event is %q", event)
			}
			_, err := answer{http.StatusOK, "application/json", parts[1]}.readStatus()
			return "", err
		}
		return "", fmt.Errorf("no event in %s", got.words())
	}},
}

// raw posts text, as Engine.IO wants it.
func (b *bench) raw(ctx context.Context, path, text string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+b.running.Address+":4001"+path, strings.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	response, err := b.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	return answer{status: response.StatusCode}, nil
}

var metric = regexp.MustCompile(`(?m)^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})? [-+0-9.eEInfNa]+$`)

var platformChecks = []check{
	{part: "platform port", promise: "GET /status on port 4002: the same status", optional: true, needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		address := "http://" + b.running.Address + ":4002"
		got, err := b.ask(ctx, http.MethodGet, address+"/status", nil)
		if err != nil {
			return "", fmt.Errorf("there is none, so the platform asks on 4001, where what comes from a port below 1024 is not counted as use: %w", err)
		}
		b.platform = address
		_, err = got.readStatus()
		return "", err
	}},
	{part: "platform port", promise: "GET /metrics: Prometheus text", optional: true, needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		got, err := b.onPlatform(ctx, http.MethodGet, "/metrics", nil)
		if err != nil {
			return "", err
		}
		if got.status != http.StatusOK || !metric.Match(got.body) {
			return "", fmt.Errorf("answered %s", got.words())
		}
		return fmt.Sprintf("%d figures", len(metric.FindAll(got.body, -1))), nil
	}},
	{part: "platform port", promise: "POST /probe asks the page whether it lives: {alive, status}", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		got, err := b.onPlatform(ctx, http.MethodPost, "/probe", nil)
		if err != nil {
			return "", err
		}
		if got.status == http.StatusNotFound {
			return "", errLacks{"there is none, so the platform takes its status for the truth"}
		}
		var said struct {
			Alive  *bool           `json:"alive"`
			Status json.RawMessage `json:"status"`
		}
		if got.status != http.StatusOK || json.Unmarshal(got.body, &said) != nil || said.Alive == nil {
			return "", fmt.Errorf(`answered %s, want 200 and {"alive": true or false, "status": {...}}`, got.words())
		}
		state, err := answer{http.StatusOK, "application/json", said.Status}.readStatus()
		return fmt.Sprintf("alive %v, state %s", *said.Alive, state), err
	}},
	{part: "platform port", promise: "PUT /quota blocks new media, and lets it in again", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		for _, blocked := range []bool{true, false} {
			got, err := b.onPlatform(ctx, http.MethodPut, "/quota", map[string]bool{"mediaBlocked": blocked})
			if err != nil {
				return "", err
			}
			if got.status/100 != 2 {
				return "", fmt.Errorf("answered %s", got.words())
			}
		}
		got, err := b.onPlatform(ctx, http.MethodPut, "/quota", map[string]string{"mediaBlocked": "perhaps"})
		if err == nil {
			err = got.refuses(http.StatusBadRequest, http.StatusUnprocessableEntity)
		}
		return "", err
	}},
	{part: "platform port", promise: "PUT /quota sets how many bytes the media may take up", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		got, err := b.onPlatform(ctx, http.MethodPut, "/quota", map[string]int64{"bytes": 2 * b.options.Docker.Limits.MediaQuota})
		if err != nil {
			return "", err
		}
		if got.refuses(http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity) == nil {
			return "", errLacks{"it does not, so what a user buys counts from the next start"}
		}
		if got.status/100 != 2 {
			return "", fmt.Errorf("answered %s", got.words())
		}
		if got, err = b.onPlatform(ctx, http.MethodPut, "/quota", map[string]string{"bytes": "plenty"}); err == nil {
			err = got.refuses(http.StatusBadRequest, http.StatusUnprocessableEntity)
		}
		return "", err
	}},
	{part: "platform port", promise: "POST /messages says 409 while no phone is linked", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		if state, err := b.refresh(ctx); err != nil || state == "ready" {
			return "", unasked("the state is %q", state)
		}
		got, err := b.onPlatform(ctx, http.MethodPost, "/messages", map[string]string{"text": "hello"})
		if err != nil {
			return "", err
		}
		return "", got.refuses(http.StatusConflict)
	}},
}

func (b *bench) onPlatform(ctx context.Context, method, path string, body any) (answer, error) {
	if b.platform == "" {
		return answer{}, unasked("it has no port 4002")
	}
	return b.ask(ctx, method, b.platform+path, body)
}
