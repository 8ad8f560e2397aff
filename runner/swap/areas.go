package swap

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Area is one swap area that the kernel uses.
type Area struct {
	Path     string
	Size     int64 // bytes
	Used     int64 // bytes
	Priority int
}

// Areas are those of /proc/swaps.
func Areas() ([]Area, error) {
	content, err := os.ReadFile("/proc/swaps")
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("this kernel was built without swap: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return parseAreas(string(content))
}

func parseAreas(content string) ([]Area, error) {
	var areas []Area
	for line := range strings.Lines(content) { // /swap/file\040name  file  65532  0  -2, in KiB
		fields := strings.Fields(line)
		if len(fields) != 5 || fields[0] == "Filename" {
			continue
		}
		size, err1 := strconv.ParseInt(fields[2], 10, 64)
		used, err2 := strconv.ParseInt(fields[3], 10, 64)
		priority, err3 := strconv.Atoi(fields[4])
		if err1 != nil || err2 != nil || err3 != nil {
			return nil, fmt.Errorf("/proc/swaps: %q is not understood", strings.TrimSpace(line))
		}
		path := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(fields[0])
		areas = append(areas, Area{Path: path, Size: size << 10, Used: used << 10, Priority: priority})
	}
	return areas, nil
}

// using tells whether the kernel uses a swap area, by whatever name it was told.
func using(path string) (bool, error) {
	areas, err := Areas()
	if err != nil {
		return false, err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	for _, area := range areas {
		if area.Path == path {
			return true, nil
		}
	}
	return false, nil
}
