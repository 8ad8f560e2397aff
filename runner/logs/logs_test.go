package logs

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWhatIsShownIsHarmless(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"plain":                         "plain",
		"a\tb\r":                        "a\tb",
		"\x1b[1;31mred\x1b[0m":          "red",
		"\x1b[2J\x1b]0;title\x07":       "␛[2J␛]0;title␇",
		"\x1b[":                         "␛[",
		"nul\x00 del\x7f c1\u0085":      "nul␀ del␡ c1�",
		"\xff\xfe":                      "�",
		"evil\u202etxt\u2066.exe":       "evil�txt�.exe",
		"two\u2028lines":                "two�lines",
		"family 👩\u200d👧":               "family 👩\u200d👧",
		strings.Repeat("a", 4096):       strings.Repeat("a", 4096),
		strings.Repeat("a", 4097):       strings.Repeat("a", 4096) + " … (cut)",
		strings.Repeat("é", 2049):       strings.Repeat("é", 2048) + " … (cut)",
		"b" + strings.Repeat("é", 2048): "b" + strings.Repeat("é", 2047) + " … (cut)",
	} {
		if got := Harmless(line); got != want {
			t.Errorf("%.40q becomes %.60q, not %.60q", line, got, want)
		}
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add("\x1b[31m\xff\x00")
	f.Fuzz(func(t *testing.T, line string) {
		got := Harmless(line)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\x1b\n\r\x7f") {
			t.Errorf("%q becomes %q", line, got)
		}
	})
}
