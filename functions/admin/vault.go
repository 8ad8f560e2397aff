package admin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// vault keeps second factors in a way that the database alone opens nothing: what codes are made of is
// sealed, and recovery codes are hashed, with keys that are derived from ADMIN_KEY.
type vault struct {
	seals cipher.AEAD
	words []byte
}

func newVault(key [32]byte) (*vault, error) {
	derive := func(use string) ([]byte, error) { return hkdf.Key(sha256.New, key[:], nil, "slicegate admin "+use, 32) }
	sealing, err := derive("second factor")
	if err != nil {
		return nil, err
	}
	words, err := derive("recovery codes")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, err
	}
	seals, err := cipher.NewGCMWithRandomNonce(block)
	return &vault{seals, words}, err
}

// seal hides a secret; it opens for the same user only.
func (v *vault) seal(user int64, secret string) []byte {
	return v.seals.Seal(nil, nil, []byte(secret), owner(user))
}

func (v *vault) open(user int64, sealed []byte) (string, error) {
	secret, err := v.seals.Open(nil, nil, sealed, owner(user))
	if err != nil {
		return "", fmt.Errorf("the second factor of user %d does not open: ADMIN_KEY is another than when it was set up (runner admin remove, then add, sets it up anew)", user)
	}
	return string(secret), nil
}

func owner(user int64) []byte { return fmt.Appendf(nil, "user:%d", user) }

// newSecret is what codes are made of, in the base32 that authenticator apps take: 160 random bits.
func newSecret() string {
	raw := make([]byte, 20)
	rand.Read(raw)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
}

// Every authenticator app knows these.
const (
	period = 30 * time.Second
	digits = otp.DigitsSix
)

// step finds the half minute that a code is of: the present one, or one beside it, for clocks that differ.
func step(secret, code string, now time.Time) (found int64, right bool, err error) {
	present := now.Unix() / int64(period/time.Second)
	for near := present - 1; near <= present+1; near++ {
		wanted, err := codeAt(secret, near)
		if err != nil {
			return 0, false, err
		}
		if subtle.ConstantTimeCompare([]byte(wanted), []byte(code)) == 1 {
			found, right = near, true
		}
	}
	return found, right, nil
}

func codeAt(secret string, step int64) (string, error) {
	return totp.GenerateCodeCustom(secret, time.Unix(step*int64(period/time.Second), 0), totp.ValidateOpts{
		Period: uint(period / time.Second), Digits: digits, Algorithm: otp.AlgorithmSHA1,
	})
}

// How many recovery codes there are: of 80 random bits each.
const recoveryCodes = 10

// newRecoveryCodes gives them as they are shown, and as they are stored.
func (v *vault) newRecoveryCodes() (shown []string, hashes [][]byte) {
	for range recoveryCodes {
		word := rand.Text()[:16]
		shown = append(shown, strings.Join([]string{word[:4], word[4:8], word[8:12], word[12:]}, "-"))
		hashes = append(hashes, v.hash(word))
	}
	return shown, hashes
}

func (v *vault) hash(word string) []byte {
	mac := hmac.New(sha256.New, v.words)
	mac.Write([]byte(word))
	return mac.Sum(nil)
}

// typed is a code without what a person puts between its parts.
func typed(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(code))
}
