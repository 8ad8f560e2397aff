package image

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// unhashed are what lies in a source folder and does not change what is built from it.
var unhashed = []string{"node_modules", "dist", "test", "e2e", "coverage"}

// Hash is a short content hash of a source folder, and of the words: equal hashes build
// equal things.
func Hash(dir string, words ...string) (string, error) {
	sum := sha256.New()
	for _, word := range words {
		fmt.Fprintf(sum, "%d %s\n", len(word), word)
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != dir && skipped(entry):
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		}
		return hashFile(sum, dir, path)
	})
	return hex.EncodeToString(sum.Sum(nil))[:12], err
}

func skipped(entry fs.DirEntry) bool {
	name := entry.Name()
	if entry.IsDir() {
		return slices.Contains(unhashed, name) || strings.HasPrefix(name, ".")
	}
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".md") || strings.HasSuffix(name, ".tsbuildinfo") || name == "biome.json"
}

func hashFile(sum hash.Hash, dir, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "%s %d %v\n", name, info.Size(), info.Mode().Perm()&0o100)
	_, err = io.Copy(sum, file)
	return err
}
