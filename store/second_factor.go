package store

import (
	"crypto/sha256"
	"strings"
)

// SetupHash is what is stored of the word with which an admin sets up their second factor. Spaces,
// dashes and the case of letters do not count.
func SetupHash(word string) []byte {
	sum := sha256.Sum256([]byte(strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(word)))))
	return sum[:]
}
