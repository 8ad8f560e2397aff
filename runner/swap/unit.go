package swap

import (
	"fmt"
	"strings"
)

// Unit is the text of a systemd unit that calls `runner swap setup` at each start of the server, before
// slices are started: what the kernel forgets is set up again. Binary is the runner's path.
func Unit(binary string, config Config) string {
	command := []string{binary, "swap", "setup"}
	if config.Kind != "" {
		command = append(command, "-kind", string(config.Kind))
	}
	if config.Size != 0 {
		command = append(command, "-size", fmt.Sprint(config.Size))
	}
	if config.File != "" {
		command = append(command, "-file", config.File)
	}
	if config.Compressor != "" {
		command = append(command, "-compressor", config.Compressor)
	}
	if config.Pool != 0 {
		command = append(command, "-pool", fmt.Sprint(config.Pool))
	}
	for i, word := range command {
		command[i] = quoted(word)
	}
	return `[Unit]
Description=Swap for Slicegate's idle slices
After=local-fs.target systemd-modules-load.service systemd-sysctl.service
Before=docker.service slicegate-runner.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=` + strings.Join(command, " ") + `

[Install]
WantedBy=multi-user.target
`
}

// quoted is a word of a command line as systemd reads it (systemd.service(5), systemd.unit(5)).
func quoted(word string) string {
	word = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(word)
	if strings.ContainsAny(word, " \t'\";\\") {
		return `"` + word + `"`
	}
	return word
}
