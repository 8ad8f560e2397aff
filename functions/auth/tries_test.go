package auth_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAnAccountIsTriedTenTimesInAQuarterOfAnHour(t *testing.T) {
	b := setup(t)
	b.atOnce()
	b.register("ann@example.com")
	b.register("bob@example.com")
	for n := range 10 {
		if n == 5 {
			b.now = b.now.Add(time.Minute) // it is the first from which the time runs
		}
		for _, email := range []string{"ann@example.com", "nobody@example.com"} {
			if got := b.login(email, "wrong horse!"); got.status != http.StatusUnauthorized {
				t.Fatalf("%s, number %d: %+v", email, n+1, got)
			}
		}
	}
	b.now = b.now.Add(3*time.Minute + 500*time.Millisecond)
	hasher := b.auth.Hasher
	b.auth.Hasher = nil // whoever hashes now gets no answer at all
	refused := b.login("ANN@example.com", "correct horse")
	if refused.status != http.StatusTooManyRequests || refused.retryAfter != "660" || !strings.Contains(refused.problem, "Wait 11 minutes") || !strings.Contains(refused.problem, "Forgot password?") {
		t.Errorf("%+v", refused)
	}
	if unknown := b.login("nobody@example.com", "correct horse"); !reflect.DeepEqual(unknown, refused) {
		t.Errorf("an unknown address is told apart: %+v, %+v", unknown, refused)
	}
	b.auth.Hasher = hasher
	if got := b.login("bob@example.com", "correct horse"); got.status != http.StatusOK {
		t.Errorf("another account: %+v", got)
	}
	b.now = b.now.Add(11 * time.Minute)
	if got := b.login("ann@example.com", "correct horse"); got.status != http.StatusOK {
		t.Errorf("when the time is over: %+v", got)
	}
	// A right one in between, and nine wrong ones are as good as none.
	for round := range 2 {
		for n := range 9 {
			if got := b.login("ann@example.com", "wrong horse!"); got.status != http.StatusUnauthorized {
				t.Fatalf("round %d, number %d: %+v", round+1, n+1, got)
			}
		}
		if got := b.login("ann@example.com", "correct horse"); got.status != http.StatusOK {
			t.Errorf("round %d: %+v", round+1, got)
		}
	}
}

func TestANewPasswordOpensTheDoorAgain(t *testing.T) {
	b := setup(t)
	b.atOnce()
	b.register("ann@example.com")
	for range 11 {
		b.login("ann@example.com", "wrong horse!")
	}
	b.forgot("ann@example.com")
	token, _ := b.resetLink()
	if got := b.reset(token, "another horse"); got.status != http.StatusNoContent {
		t.Fatalf("%+v", got)
	}
	if got := b.login("ann@example.com", "another horse"); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
}

func TestWrongPasswordsThatComeAtOnceAllCount(t *testing.T) {
	b := setup(t)
	b.register("ann@example.com")
	b.exec("INSERT INTO gateway.login_failures VALUES (sha256('bob@example.com'), 10, $1)", b.now.Add(-time.Hour)) // long ago
	for _, email := range []string{"ann@example.com", "bob@example.com"} {
		var wrong, refused atomic.Int32
		var everyone sync.WaitGroup
		for i := range 30 {
			everyone.Go(func() {
				switch got := b.login(email, fmt.Sprintf("wrong horse %d", i)); got.status {
				case http.StatusUnauthorized:
					wrong.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
				default:
					t.Errorf("%+v", got)
				}
			})
		}
		everyone.Wait()
		if wrong.Load() != 10 || refused.Load() != 20 {
			t.Errorf("%s: %d were looked at, %d refused", email, wrong.Load(), refused.Load())
		}
	}
}
