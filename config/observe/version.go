package observe

import (
	"cmp"
	"runtime/debug"
	"strings"
)

// Version says which build this binary is: the commit that it was made of, and whether there was more to it.
func Version() string { return versionOf(debug.ReadBuildInfo()) }

// A commit is known by so many digits.
const commitDigits = 12

func versionOf(info *debug.BuildInfo, there bool) string {
	const unknown = "not known (built outside of version control)"
	if !there {
		return unknown
	}
	var commit, changed string
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			commit = setting.Value[:min(commitDigits, len(setting.Value))]
		case setting.Key == "vcs.modified" && setting.Value == "true":
			changed = "+changed"
		}
	}
	if commit != "" {
		return commit + changed
	}
	// One that was built as a dependency, by `go install slicegate/runner@v1.2.0`, has its version alone.
	return cmp.Or(strings.TrimSuffix(info.Main.Version, "(devel)"), unknown)
}
