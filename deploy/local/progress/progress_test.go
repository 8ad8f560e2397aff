package progress

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPlainOutputSaysWhatTakesLongAndHowItEnded(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	r := newReporter(&out, false, func() time.Time { return now })
	after := func(passed time.Duration) {
		now = now.Add(passed)
		r.tick()
	}
	step := r.Start("image")
	after(time.Second)
	after(time.Second) // 2 s: announced
	after(time.Second)
	after(14 * time.Second) // 17 s: again
	step.Done(nil)
	r.Start("engine").Done(errors.New("broken"))
	r.Start("app").Done(context.Canceled)
	want := "… image: 2.0 s\n… image: 17.0 s\n✓ image: done, 17.0 s\n✗ engine: failed, 0.0 s\n- app: stopped, 0.0 s\n"
	if out.String() != want {
		t.Fatalf("got\n%s", out.String())
	}
}

func TestATerminalsLineIsWipedBeforeALogLine(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	r := newReporter(&out, true, func() time.Time { return now })
	r.width = 40
	step := r.Start("image")
	step.Note("unpacking " + strings.Repeat("x", 100))
	r.tick()
	drawn := out.String()
	if !strings.Contains(drawn, "image 0.0 s  unpacking") || len([]rune(drawn)) >= 40 {
		t.Fatalf("drew %q", drawn)
	}
	out.Reset()
	r.Lines("nginx")("up")
	if got := out.String(); !strings.HasPrefix(got, "\r\x1b[K") || !strings.HasSuffix(got, " up\n") {
		t.Fatalf("got %q", got)
	}
}
