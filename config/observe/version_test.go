package observe

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	of := func(version string, settings ...string) *debug.BuildInfo {
		info := &debug.BuildInfo{Main: debug.Module{Version: version}}
		for i := 0; i < len(settings); i += 2 {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
		}
		return info
	}
	for want, info := range map[string]*debug.BuildInfo{
		"0123456789ab":         of("(devel)", "vcs", "git", "vcs.revision", commit, "vcs.modified", "false"),
		"0123456789ab+changed": of("v0.0.0-20260101000000-0123456789ab+dirty", "vcs.revision", commit, "vcs.modified", "true"),
		"abc":                  of("", "vcs.revision", "abc"),
		"v1.2.0":               of("v1.2.0"),
		"not known (built outside of version control)": of("(devel)", "vcs.modified", "true"),
	} {
		if got := versionOf(info, true); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := versionOf(nil, false); !strings.HasPrefix(got, "not known") {
		t.Errorf("without any: %q", got)
	}
	if Version() == "" {
		t.Error("this binary says nothing")
	}
}
