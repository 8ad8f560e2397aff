package migrations

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Verifier makes the SCRAM-SHA-256 verifier that Postgres stores for a password (RFC 5803,
// "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>"), so that no password is ever
// sent in an SQL statement, where a log or pg_stat_activity could show it. The password must
// be ASCII: no SASLprep is applied.
func Verifier(password string) (string, error) {
	const iterations = 4096 // what Postgres itself uses
	salt := make([]byte, 16)
	rand.Read(salt)
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("scram verifier: %w", err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s",
		iterations, encode(salt), encode(stored[:]), encode(mac(salted, "Server Key"))), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
