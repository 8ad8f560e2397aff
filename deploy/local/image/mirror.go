package image

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// mirror is the Debian archive that this machine's own packages come from.
func mirror(root string) (string, error) {
	var paths []string
	for _, pattern := range []string{"etc/apt/sources.list", "etc/apt/sources.list.d/*.list", "etc/apt/sources.list.d/*.sources"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern))
		paths = append(paths, found...)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		for _, uri := range uris(string(text), strings.HasSuffix(path, ".sources")) {
			if archive.MatchString(uri) {
				return strings.TrimSuffix(uri, "/"), nil
			}
		}
	}
	return "", errors.New("apt's sources name no Debian mirror to build the slice image from")
}

// archive matches the main archive, not that of security updates or of another vendor.
var archive = regexp.MustCompile(`^https?://.+/debian/?$`)

func uris(text string, stanzas bool) []string {
	var found []string
	for scanner := bufio.NewScanner(strings.NewReader(text)); scanner.Scan(); {
		words := strings.Fields(options.ReplaceAllString(scanner.Text(), " "))
		switch {
		case len(words) < 2:
		case stanzas && strings.EqualFold(words[0], "URIs:"):
			found = append(found, words[1:]...)
		case !stanzas && words[0] == "deb":
			found = append(found, words[1])
		}
	}
	return found
}

// options are those in brackets after "deb".
var options = regexp.MustCompile(`\[[^\]]*\]`)

// proxies are apt's own proxy settings as options for mmdebstrap, which does not read
// this machine's apt configuration.
func proxies() []string {
	output, err := exec.Command("apt-config", "dump", "--format", "%f %v%n").Output()
	if err != nil {
		return nil
	}
	var found []string
	for line := range strings.Lines(string(output)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(name, "Acquire::http") && strings.Contains(name, "Proxy") && value != "" {
			found = append(found, "--aptopt="+name+" \""+value+"\"")
		}
	}
	return found
}
