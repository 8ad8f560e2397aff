// Command table writes the table of settings into a Markdown file, between the two lines
// that mark its place. `go generate ./config` calls it for the README.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"slicegate/config"
)

const begin, end = "<!-- settings: written by go generate ./config -->", "<!-- /settings -->"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: table FILE")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func write(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(content, []byte(begin))
	_, after, foundEnd := bytes.Cut(rest, []byte(end))
	if !found || !foundEnd {
		return fmt.Errorf("%s has no lines %q and %q", path, begin, end)
	}
	var out bytes.Buffer
	out.Write(before)
	out.WriteString(begin + "\n")
	out.WriteString(table())
	out.WriteString(end)
	out.Write(after)
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// table has a row for each setting, and says which binary, or the site, reads it.
func table() string {
	var out strings.Builder
	out.WriteString("\n| setting | default | for | what it is |\n|---|---|---|---|\n")
	readers := map[string][]string{}
	var all []config.Setting
	for _, reader := range []struct {
		name     string
		settings []config.Setting
	}{
		{"functions", config.Settings[config.Functions]()},
		{"runner", config.Settings[config.Runner]()},
		{"site", config.Settings[config.Site]()},
	} {
		for _, setting := range reader.settings {
			readers[setting.Name] = append(readers[setting.Name], reader.name)
		}
		all = append(all, reader.settings...)
	}
	described := map[string]bool{}
	for _, setting := range all {
		if setting.Help == "" || described[setting.Name] { // described where it is declared first
			continue
		}
		described[setting.Name] = true
		standard := "`" + setting.Default + "`"
		if setting.Required {
			standard = "(required)"
		}
		help := setting.Help
		if setting.Secret {
			help += "; secret, also as `" + setting.Name + "_FILE`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", setting.Name, standard, strings.Join(readers[setting.Name], ", "), help)
	}
	out.WriteString("\n")
	return out.String()
}
