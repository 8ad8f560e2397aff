package state

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Log gives a function that writes lines to log/NAME.log in the folder (spaces become dashes), begun anew. The
// file is closed by the process's end; every line reaches it at once.
func (s *State) Log(name string) (func(line string), error) {
	path := s.Path("log", strings.ReplaceAll(name, " ", "-")+".log")
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	out := bufio.NewWriter(file)
	return func(line string) {
		mu.Lock()
		defer mu.Unlock()
		out.WriteString(line)
		out.WriteByte('\n')
		out.Flush()
	}, nil
}
