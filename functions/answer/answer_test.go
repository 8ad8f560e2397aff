package answer_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"slicegate/functions/answer"
)

func TestWhenToTryAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		err   error
		retry string
	}{
		{"nothing said", answer.Errorf(answer.Unavailable, "busy"), "2"},
		{"minutes", answer.Later(5*time.Minute, "later"), "300"},
		{"rounded up", answer.Later(1500*time.Millisecond, "later"), "2"},
		{"wrapped", fmt.Errorf("do: %w", answer.Later(time.Minute, "later")), "60"},
		{"over already", answer.Later(-time.Minute, "later"), "1"},
		{"never", answer.Errorf(answer.Gone, "gone"), ""},
	} {
		recorder := httptest.NewRecorder()
		answer.Problem(recorder, httptest.NewRequest("GET", "/", nil), test.err)
		if got := recorder.Header().Get("Retry-After"); got != test.retry {
			t.Errorf("%s: Retry-After is %q, want %q", test.name, got, test.retry)
		}
	}
}

func TestMinutesAreRoundedUp(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{0: "1 minute", time.Second: "1 minute", time.Minute: "1 minute", time.Minute + 1: "2 minutes", 15 * time.Minute: "15 minutes"} {
		if got := answer.Minutes(d); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}
