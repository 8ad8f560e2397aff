// Package session is the cookie: a signed random token, of which Postgres keeps only the
// hash. The functions that set it and those that read it share this and nothing else.
package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"
)

// CookieName is the name of the session cookie.
const CookieName = "session"

// ErrNone means that a request carries no session, or one that we did not sign.
var ErrNone = errors.New("no session")

// ID is the SHA-256 of a token: the primary key of gateway.sessions.
type ID [sha256.Size]byte

// String is the ID in hex, as NOTIFY carries it.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Signer makes and checks tokens.
type Signer struct{ key [32]byte }

// NewSigner signs with key (SESSION_KEY).
func NewSigner(key [32]byte) *Signer { return &Signer{key} }

// New makes a token of 256 random bits: what the cookie carries, and the ID to store.
func (s *Signer) New() (token string, id ID) {
	raw := make([]byte, 32)
	rand.Read(raw)
	return encode(raw) + "." + encode(s.sign(raw)), sha256.Sum256(raw)
}

// Read finds the session of a request, and the token as it came. A forged signature is
// refused here, before anyone asks Postgres.
func (s *Signer) Read(r *http.Request) (token string, id ID, err error) {
	cookie, err := r.Cookie(CookieName)
	if err != nil {
		return "", ID{}, ErrNone
	}
	left, right, found := strings.Cut(cookie.Value, ".")
	raw, errRaw := base64.RawURLEncoding.DecodeString(left)
	signature, errSignature := base64.RawURLEncoding.DecodeString(right)
	if !found || errRaw != nil || errSignature != nil || len(raw) != 32 || !hmac.Equal(signature, s.sign(raw)) {
		return "", ID{}, ErrNone
	}
	return cookie.Value, sha256.Sum256(raw), nil
}

func (s *Signer) sign(raw []byte) []byte {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write(raw)
	return mac.Sum(nil)
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// Cookie carries a token until expires. A zero expires takes the cookie away.
func Cookie(token string, expires, now time.Time) *http.Cookie {
	cookie := &http.Cookie{
		Name: CookieName, Value: token, Path: "/",
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	}
	if expires.IsZero() {
		cookie.Value, cookie.MaxAge = "", -1
		return cookie
	}
	cookie.Expires = expires.UTC()
	cookie.MaxAge = int(expires.Sub(now).Seconds())
	return cookie
}
