package events

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRingKeepsWithinItsBounds(t *testing.T) {
	r := ring{maxFrames: 3, maxBytes: 10, maxAge: time.Minute}
	start := time.Now()
	check := func(what string, oldest uint64, want ...string) {
		t.Helper()
		if r.reaches(r.head+1) || !r.reaches(r.head) || !r.reaches(oldest) || (oldest > 0 && r.reaches(oldest-1)) {
			t.Errorf("%s: reaches something else than %d-%d", what, oldest, r.head)
			return
		}
		var got []string
		for _, text := range r.after(oldest, 1000) {
			got = append(got, string(text))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: want -, got +\n%s", what, diff)
		}
	}
	check("empty", 0)
	for _, text := range []string{"1", "2", "3"} {
		r.append([]byte(text), start)
	}
	check("full", 0, "1", "2", "3")
	if got := r.after(1, 1); len(got) != 1 || string(got[0]) != "2" {
		t.Errorf("a batch of one byte: %q", got)
	}
	r.append([]byte("4"), start.Add(time.Second))
	check("by count", 1, "2", "3", "4")
	r.append([]byte("555555555"), start.Add(2*time.Second))
	check("by bytes", 3, "4", "555555555")
	r.append([]byte("longer than all"), start.Add(2*time.Second))
	check("by the newest's bytes", 5, "longer than all")
	r.append([]byte("7"), start.Add(3*time.Second))
	r.expire(start.Add(62*time.Second + 1))
	check("by age", 6, "7")
	r.expire(start.Add(time.Hour))
	check("all too old", 7)
	if r.bytes != 0 {
		t.Errorf("%d bytes of nothing", r.bytes)
	}
}
