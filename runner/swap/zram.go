package swap

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoZram says that the kernel makes no compressed block devices.
var ErrNoZram = errors.New("this kernel has no zram (CONFIG_ZRAM; a module of that name in Debian's kernels)")

// newZram makes a compressed block device of this many bytes, before compression, and gives its path.
// The first of the compressors that the kernel has is used.
func newZram(bytes int64, compressors []string) (path string, err error) {
	name, err := freeZram()
	if err != nil {
		return "", err
	}
	dir := "/sys/block/" + name
	offered, err := os.ReadFile(dir + "/comp_algorithm") // lzo-rle [lz4] zstd
	if err != nil {
		return "", err
	}
	chosen := first(compressors, words(string(offered)))
	if chosen == "" {
		return "", fmt.Errorf("zram compresses with %s here, not with %s", strings.Join(words(string(offered)), ", "), strings.Join(compressors, " or "))
	}
	if err := os.WriteFile(dir+"/comp_algorithm", []byte(chosen), 0); err != nil {
		return "", fmt.Errorf("zram with %s: %w", chosen, err)
	}
	if err := os.WriteFile(dir+"/disksize", []byte(strconv.FormatInt(bytes, 10)), 0); err != nil {
		return "", fmt.Errorf("zram of %d bytes: %w", bytes, err)
	}
	return "/dev/" + name, nil
}

// hasZram is nil where the kernel has zram, or has it as a module, which is then loaded if that is asked.
func hasZram(load bool) error {
	if _, err := os.Stat("/sys/class/zram-control"); err == nil {
		return nil
	}
	arguments := []string{"zram"}
	if !load {
		arguments = []string{"--dry-run", "zram"}
	}
	output, err := exec.Command("modprobe", arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: modprobe: %w: %s", ErrNoZram, err, strings.TrimSpace(string(output)))
	}
	return nil
}

// freeZram is a device that nobody has set up, made now if there is none.
func freeZram() (name string, err error) {
	if err := hasZram(true); err != nil {
		return "", err
	}
	devices, err := filepath.Glob("/sys/block/zram*")
	if err != nil {
		return "", err
	}
	for _, device := range devices {
		if state, err := os.ReadFile(device + "/initstate"); err == nil && strings.TrimSpace(string(state)) == "0" {
			return filepath.Base(device), nil
		}
	}
	number, err := os.ReadFile("/sys/class/zram-control/hot_add") // which makes one
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoZram, err)
	}
	return "zram" + strings.TrimSpace(string(number)), nil
}

// sweepZram gives back devices that were made for a label and are not in use: whoever made them was
// cut off.
func sweepZram(label string) error {
	devices, err := filepath.Glob("/dev/zram*")
	if err != nil {
		return err
	}
	for _, device := range devices {
		found, ok, err := labelOf(device)
		if err != nil || !ok || found != label {
			continue // a device that cannot be read is nobody's swap
		}
		if inUse, err := using(device); err != nil {
			return err
		} else if inUse {
			continue
		}
		if err := resetZram(device); err != nil {
			return err
		}
	}
	return nil
}

// resetZram gives back the memory of a device that is not in use.
func resetZram(path string) error {
	return os.WriteFile("/sys/block/"+filepath.Base(path)+"/reset", []byte("1"), 0)
}

func isZram(path string) bool { return strings.HasPrefix(filepath.Base(path), "zram") }

// compressorOf is what a zram device uses: the one in brackets.
func compressorOf(path string) string {
	offered, err := os.ReadFile("/sys/block/" + filepath.Base(path) + "/comp_algorithm")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(offered), "[")
	name, _, _ := strings.Cut(rest, "]")
	return name
}

// words are those of a list of choices, without the brackets around the one that is chosen.
func words(choices string) []string {
	return strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(choices))
}

// first is the first of what is wanted that is offered, or "".
func first(wanted, offered []string) string {
	for _, one := range wanted {
		if slices.Contains(offered, one) {
			return one
		}
	}
	return ""
}
